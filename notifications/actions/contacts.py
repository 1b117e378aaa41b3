from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound, TooManyRequests
from incident_center.kernel.models import uuid7
from incident_center.kernel.rate_limits import Rate, token_buckets
from incident_center.kernel.scope import Actor
from notifications import messages
from notifications.actions.drill_plan import next_drill
from notifications.channels.base import AddressError, Message, Outcome, Result
from notifications.channels.egress import EgressRefusedError
from notifications.contacts.kinds import CONTACT_KINDS, contact_kind
from notifications.models import Contact, NotificationStep
from organizations.models import User

CODE_LIVES = timedelta(minutes=15)
MOST_TRIES = 5
PAUSE_BETWEEN_CODES = timedelta(seconds=30)
MOST_CONTACTS = 20
LONGEST_ADDRESS = 2_000
# Codes go wherever somebody says, at the operator's cost: ten at once, then one in six minutes for each person.
CODES = Rate(per_second=1 / 360, burst=10)


@dataclass(frozen=True)
class CodeSent:
    """A contact to which a code was sent, and what came of that."""

    contact: Contact
    result: Result


def contact_create(*, actor: Actor, user: User, kind: str, address: str, label: str = "") -> CodeSent:
    """Adds a way to reach the person and sends a code there; it is used once the code came back. A
    browser needs none: it is where its owner is signed in.

    Takes up to ten seconds. Call it outside a transaction.

    Raises:
        InvalidInput: the kind cannot be sent here, or the address is not one of its kind.
        Conflict: the person has it already, or has too many.
        TooManyRequests: the person asked for too many codes.
    """
    chosen = contact_kind(kind)
    if len(address) > LONGEST_ADDRESS:
        raise InvalidInput("address", f"An address has at most {LONGEST_ADDRESS:,} characters.")
    if chosen.needs_code:
        _admit_code(user)
    try:
        checked = chosen.checked_address(address.strip())
    except (AddressError, EgressRefusedError) as error:
        raise InvalidInput("address", str(error)) from error
    with transaction.atomic():
        # Addresses are encrypted, so they are compared here and not in the database.
        held = list(Contact.objects.select_for_update(no_key=True).filter(user=user, removed_at=None))
        if len(held) >= MOST_CONTACTS:
            raise Conflict(f"You have {MOST_CONTACTS} contacts; remove one first.")
        if any((each.kind, each.destination) == (kind, checked) for each in held):
            raise Conflict("You have this contact already.")
        verified_at = None if chosen.needs_code else timezone.now()
        contact = Contact.objects.create(
            user=user, kind=kind, address=checked, label=label.strip(), verified_at=verified_at
        )
    if not chosen.needs_code:
        return CodeSent(contact, Result(Outcome.DELIVERED))
    return contact_send_code(actor=actor, user=user, contact_id=contact.pk)


def contact_send_code(*, actor: Actor, user: User, contact_id: UUID) -> CodeSent:
    """Sends a new code; the one before is dead. Takes up to ten seconds; call it outside a transaction.

    Raises:
        NotFound.
        Conflict: it is verified already, or a code was sent half a minute ago.
        TooManyRequests: the person asked for too many codes.
    """
    _admit_code(user)
    code = f"{secrets.randbelow(10**6):06d}"
    now = timezone.now()
    with transaction.atomic():
        contact = _locked(user, contact_id)
        if contact.verified_at is not None:
            raise Conflict("This contact is verified already.")
        if contact.code_expires_at is not None and contact.code_expires_at - CODE_LIVES > now - PAUSE_BETWEEN_CODES:
            raise Conflict("A code was sent a moment ago; wait half a minute before the next.")
        contact.code_hash = _hash(contact, code)
        contact.code_expires_at = now + CODE_LIVES
        contact.code_tries = 0
        contact.save(update_fields=["code_hash", "code_expires_at", "code_tries"])
    token_buckets.spend(_bucket(user), CODES)
    return CodeSent(contact, CONTACT_KINDS[contact.kind].send_code(contact.destination, code))


def contact_verify(*, actor: Actor, user: User, contact_id: UUID, code: str) -> Contact:
    """Takes the code that arrived. Twice is no error.

    Raises:
        NotFound.
        InvalidInput: it is not the code, it is too old, or there were too many tries.
    """
    with transaction.atomic():
        contact = _locked(user, contact_id)
        if contact.verified_at is not None:
            return contact
        is_alive = contact.code_expires_at is not None and contact.code_expires_at > timezone.now()
        is_right = False
        if is_alive and contact.code_tries < MOST_TRIES:
            contact.code_tries += 1
            is_right = hmac.compare_digest(bytes(contact.code_hash or b""), _hash(contact, code.strip()))
            if is_right:
                contact.verified_at = timezone.now()
                contact.code_hash = contact.code_expires_at = None
            contact.save(update_fields=["code_tries", "verified_at", "code_hash", "code_expires_at"])
    # After the commit: a wrong try counts.
    if not is_right:
        is_dead = not is_alive or contact.code_tries >= MOST_TRIES
        raise InvalidInput("code", "This code holds no longer; send a new one." if is_dead else "This is not the code.")
    return contact


def contact_remove(*, actor: Actor, user: User, contact_id: UUID) -> None:
    """Takes the contact out of use and out of the rules, and wipes its address. What was sent stays on record.

    Raises:
        NotFound.
        Conflict: the account's own address, which rules may simply not use.
    """
    with transaction.atomic():
        contact = _locked(user, contact_id)
        if contact.is_account:
            raise Conflict("Your account's own address stays; say in the rules when it is used.")
        NotificationStep.objects.filter(contact=contact).delete()
        contact.removed_at = timezone.now()
        contact.address = ""
        contact.code_hash = contact.code_expires_at = None
        contact.save(update_fields=["removed_at", "address", "code_hash", "code_expires_at"])


def contact_test(*, actor: Actor, user: User, contact_id: UUID) -> Result:
    """Sends a test message now and returns what came of it. Takes up to ten seconds; call it outside a transaction.

    Raises:
        NotFound.
        Conflict: the contact is not verified yet.
    """
    contact = contact_of(user, contact_id)
    now = timezone.now()
    payload = messages.test_document(str(contact), actor, now)
    return CONTACT_KINDS[contact.kind].send(contact.destination, Message(str(uuid7()), payload, now), {})


def contact_of(user: User, contact_id: UUID) -> Contact:
    """A verified contact of the person.

    Raises:
        NotFound.
        Conflict: the contact is not verified yet.
    """
    contact = Contact.objects.select_related("user").filter(pk=contact_id, user=user, removed_at=None).first()
    if contact is None:
        raise NotFound()
    if contact.verified_at is None:
        raise Conflict("Enter the code first that was sent there.")
    return contact


def contact_set_drills(*, actor: Actor, user: User, contact_id: UUID, every_days: int) -> Contact:
    """How often a drill goes there by itself; 0: never.

    Raises:
        NotFound.
    """
    with transaction.atomic():
        contact = _locked(user, contact_id)
        contact.drill_every_days = every_days
        contact.next_drill_at = next_drill(every_days, timezone.now())
        contact.save(update_fields=["drill_every_days", "next_drill_at"])
    return contact


def account_contacts(users: list[User]) -> dict[UUID, Contact]:
    """By user id, the contact that is the account's own e-mail address; made where it is missing.

    It needs no code: it is the address by which the person was let in, and that resets the password.
    """
    now = timezone.now()
    Contact.objects.bulk_create(
        [
            Contact(user=user, kind="email", label="Account", is_account=True, verified_at=now)
            for user in _without_account_contact(users)
        ],
        ignore_conflicts=True,
    )
    found = Contact.objects.select_related("user").filter(user__in=users, is_account=True, removed_at=None)
    return {contact.user_id: contact for contact in found}


def _without_account_contact(users: list[User]) -> list[User]:
    have = set(
        Contact.objects.filter(user__in=users, is_account=True, removed_at=None).values_list("user_id", flat=True)
    )
    return [user for user in users if user.pk not in have]


def _locked(user: User, contact_id: UUID) -> Contact:
    contact = (
        Contact.objects.select_for_update(of=("self",), no_key=True)
        .select_related("user")
        .filter(pk=contact_id, user=user, removed_at=None)
        .first()
    )
    if contact is None:
        raise NotFound()
    return contact


def _admit_code(user: User) -> None:
    if wait := token_buckets.wait_for(_bucket(user), CODES):
        minutes = int(wait // 60) + 1
        raise TooManyRequests(
            f"You asked for many codes; the next can be sent in {minutes} min.", retry_after=int(wait) + 1
        )


def _bucket(user: User) -> str:
    return f"contact-codes:{user.pk}"


def _hash(contact: Contact, code: str) -> bytes:
    return hashlib.sha256(f"{contact.pk}:{code}".encode()).digest()
