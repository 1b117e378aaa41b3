from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from incident_center.kernel.api.problems import InvalidInput
from incident_center.kernel.scope import Actor, organization_scope, require_organization_id
from organizations.access import Role
from organizations.actions.people import user_create
from organizations.events import MemberChanged, member_changed
from organizations.models import JoinCode, Membership, Organization

# No letters or digits that are mistaken for one another when read aloud. 12 of them are 59 bits.
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
GROUPS, GROUP_LENGTH = 3, 4
DEFAULT_HOURS, MOST_HOURS = 7 * 24, 90 * 24
DEFAULT_USES, MOST_USES = 25, 10_000
DEAD_CODE = "This join code is unknown, expired, used up or replaced; ask the organization's owner for the present one."


@dataclass(frozen=True)
class Invitation:
    """What a living join code leads to."""

    join_code_id: UUID
    organization_id: int
    organization_name: str
    role: Role


def join_code_rotate(
    *,
    actor: Actor,
    user_id: UUID,
    role: Role = Role.ENGINEER,
    expires_in_hours: int = DEFAULT_HOURS,
    max_uses: int = DEFAULT_USES,
) -> JoinCode:
    """Makes the organization's one living join code; the one before is dead at once.

    Raises:
        InvalidInput: the code would make owners, or its expiry or number of uses is out of range.
    """
    if role == Role.OWNER:
        raise InvalidInput("role", "A join code never makes owners; promote the member afterwards.")
    if not 1 <= expires_in_hours <= MOST_HOURS:
        raise InvalidInput("expires_in_hours", f"Write a number of hours from 1 to {MOST_HOURS}.")
    if not 1 <= max_uses <= MOST_USES:
        raise InvalidInput("max_uses", f"Write a number of uses from 1 to {MOST_USES}.")
    code = "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS))
    with transaction.atomic():
        # Of two owners at once the second waits, and replaces the first one's code.
        Organization.objects.select_for_update(no_key=True).get(pk=require_organization_id())
        join_code_revoke(actor=actor)
        return JoinCode.objects.create(
            code=code,
            code_hash=hash_code(code),
            role=role,
            expires_at=timezone.now() + timedelta(hours=expires_in_hours),
            max_uses=max_uses,
            created_by_id=user_id,
        )


def join_code_revoke(*, actor: Actor) -> None:
    """Ends the living join code, if there is one. ``actor`` is recorded by the audit trigger from the scope."""
    with transaction.atomic():
        for code in JoinCode.objects.select_for_update().filter(revoked_at=None):
            code.revoked_at = timezone.now()
            code.save(update_fields=["revoked_at"])


def hash_code(code: str) -> bytes:
    return hashlib.sha256(normalize_code(code).encode()).digest()


def normalize_code(code: str) -> str:
    return "".join(character for character in code.upper() if character.isalnum())


def find_invitation(code: str) -> Invitation | None:
    """Where the code leads, or None when it leads nowhere any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT join_code_id, organization_id, organization_name, role FROM join_code_invitation(%s)",
            [hash_code(code)],
        )
        row = cursor.fetchone()
    return None if row is None else Invitation(row[0], row[1], row[2], Role(row[3]))


def organization_join(*, email: str, password: str, name: str, join_code: str) -> Membership:
    """Creates a person and makes them a member by a join code.

    Raises:
        InvalidInput: the code is dead, the address taken, or the password too weak.
    """
    invitation = find_invitation(join_code)
    if invitation is None:
        raise InvalidInput("join_code", DEAD_CODE)
    with transaction.atomic(), organization_scope(invitation.organization_id, actor=Actor.system("join-code")):
        # Two who use the last use at once: the row decides, not the look-up above.
        claimed = JoinCode.objects.filter(
            pk=invitation.join_code_id, revoked_at=None, expires_at__gt=timezone.now(), uses__lt=F("max_uses")
        ).update(uses=F("uses") + 1)
        if not claimed:
            raise InvalidInput("join_code", DEAD_CODE)
        user = user_create(email=email, password=password, name=name)
        actor = Actor.user(user.pk)
        with organization_scope(invitation.organization_id, actor=actor):
            membership = Membership.objects.create(user=user, role=invitation.role)
            member_changed.emit(MemberChanged(membership=membership, actor=actor))
    return membership
