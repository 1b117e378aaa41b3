from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, NotFound
from incident_center.kernel.scope import Actor, organization_scope
from organizations.access import Role
from organizations.actions.people import check_password_strength, user_create
from organizations.events import MemberChanged, member_changed
from organizations.models import Membership, PasswordLink, User

LINK_HOURS = 24


def member_change(
    *, membership_id: UUID, actor: Actor, role: Role | None = None, is_active: bool | None = None
) -> Membership:
    """Promotes, demotes, deactivates or reactivates a member; it holds from their next request on.

    All of the organization's memberships are locked, so that two owners who demote each other at once do not
    leave it without one.

    Raises:
        NotFound: no such member in this organization.
        Conflict: the last active owner would be lost.
    """
    with transaction.atomic():
        memberships = {m.pk: m for m in Membership.objects.select_for_update().order_by("pk")}
        membership = memberships.get(membership_id)
        if membership is None:
            raise NotFound()
        changed = []
        if role is not None and membership.role != role:
            membership.role = role
            changed.append("role")
        if is_active is not None and membership.is_active != is_active:
            membership.is_active = is_active
            changed.append("is_active")
        if not changed:
            return membership
        if not any(m.is_active and m.role == Role.OWNER for m in memberships.values()):
            raise Conflict("The organization would have no active owner; make someone else owner first.")
        membership.save(update_fields=changed)
        member_changed.emit(MemberChanged(membership=membership, actor=actor))
        return membership


def member_add(*, actor: Actor, email: str, name: str, password: str, role: Role) -> Membership:
    """Makes a person and their membership in the open scope, for people who are moved in and not invited.

    Raises:
        InvalidInput: the address is taken or malformed, the name empty, or the password too weak.
    """
    with transaction.atomic():
        user = user_create(email=email, password=password, name=name)
        membership = Membership.objects.create(user=user, role=role)
        member_changed.emit(MemberChanged(membership=membership, actor=actor))
    return membership


@dataclass(frozen=True)
class IssuedLink:
    """A one-time link at the only moment when it is known."""

    url: str
    link: PasswordLink


def password_link_issue(*, membership_id: UUID, actor: Actor, issued_by: User) -> IssuedLink:
    """Makes a one-time link with which a member sets a new password; the links before it are dead at once.

    Raises:
        NotFound: no such active member in this organization.
    """
    with transaction.atomic():
        membership = Membership.objects.select_for_update().filter(pk=membership_id, is_active=True).first()
        if membership is None:
            raise NotFound()
        now = timezone.now()
        for earlier in PasswordLink.objects.filter(user_id=membership.user_id, used_at=None, expires_at__gt=now):
            earlier.expires_at = now
            earlier.save(update_fields=["expires_at"])
        token = secrets.token_urlsafe(32)
        link = PasswordLink.objects.create(
            user_id=membership.user_id,
            token_hash=hashlib.sha256(token.encode()).digest(),
            issued_by=issued_by,
            expires_at=now + timedelta(hours=LINK_HOURS),
        )
    return IssuedLink(url=settings.BASE_URL + reverse("organizations:password-link", args=[token]), link=link)


@dataclass(frozen=True)
class LinkHolder:
    link_id: UUID
    organization_id: int
    user_id: UUID


def find_link_holder(token: str) -> LinkHolder | None:
    """Whose password the link sets, or None when the link is unknown, used or expired."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT link_id, organization_id, user_id FROM password_link_holder(%s)",
            [hashlib.sha256(token.encode()).digest()],
        )
        row = cursor.fetchone()
    return None if row is None else LinkHolder(*row)


def password_link_use(*, token: str, password: str) -> User:
    """Sets the password once. Every session and token of the person ends with the old password.

    Raises:
        NotFound: the link is unknown, used or expired.
        InvalidInput: the password is too weak.
    """
    holder = find_link_holder(token)
    if holder is None:
        raise NotFound("This link is unknown, used or expired; ask the owner for a new one.")
    with transaction.atomic(), organization_scope(holder.organization_id, actor=Actor.user(holder.user_id)):
        claimed = PasswordLink.objects.filter(pk=holder.link_id, used_at=None).update(used_at=timezone.now())
        if not claimed:
            raise NotFound("This link is unknown, used or expired; ask the owner for a new one.")
        user = User.objects.get(pk=holder.user_id)
        check_password_strength(password, user)
        user.set_password(password)
        user.save(update_fields=["password"])
    return user
