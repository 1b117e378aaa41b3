from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.urls import reverse

from incident_center.kernel.api.problems import Conflict
from incident_center.kernel.scope import Actor, require_organization_id
from incident_center.kernel.secrets import UndecryptableError
from incidents.actions.incident_change_status import incident_change_status
from incidents.actions.incident_open import DetectedProblem, incident_open
from incidents.events import PeopleTold, people_told
from incidents.lifecycle import Severity, Status
from notifications import messages
from notifications.actions.contact_expire import contact_expire
from notifications.channels.base import Message, Outcome, Result
from notifications.channels.registry import KINDS
from notifications.contacts.kinds import CONTACT_KINDS
from notifications.models import Drill
from notifications.response_links import drill_address
from organizations.access import Action, Grant, Role, allows
from organizations.models import Membership

logger = logging.getLogger(__name__)

ACTOR = Actor.system("drills")
# Longer than an attempt can take, so that only the dead lose a claim.
LEASE = timedelta(seconds=45)
PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))
TIME_TO_CONFIRM = timedelta(hours=24)
_CONFIGURERS = tuple(role for role in Role if allows(role, Action.CONFIGURE) is Grant.YES)


def drill_look(*, drill_id: UUID, now: datetime) -> None:
    """Does what is due: sends the canary, tries it again, or ends the time in which the person could answer.

    Of several workers one does it. Takes up to half a minute; call it outside a transaction.
    """
    drill = _claimed(drill_id, now)
    if drill is None:
        return
    result = _send(drill, now)
    with transaction.atomic():
        held = Drill.objects.select_for_update(no_key=True).get(pk=drill_id)
        if held.state != Drill.State.PENDING or held.tries != drill.tries:
            return
        held.status_code, held.answer, held.failure = result.status_code, result.answer, result.error
        if result.outcome is Outcome.DELIVERED:
            held.delivered_at = now
            if drill.contact is None or not CONTACT_KINDS[drill.contact.kind].holds_links:
                _end(held, Drill.State.PASSED, now)
            else:
                held.state, held.next_look_at = Drill.State.SENT, now + TIME_TO_CONFIRM
        elif result.outcome is Outcome.RETRY and held.tries <= len(PAUSES):
            held.next_look_at = now + max(
                PAUSES[held.tries - 1], timedelta(seconds=min(result.retry_after_seconds or 0, 3_600))
            )
        else:
            _end(held, Drill.State.FAILED, now)
            if result.is_gone and held.contact_id is not None:
                contact_expire(contact_id=held.contact_id)
        held.save()


def drill_confirm(*, drill_id: UUID, now: datetime) -> Drill:
    """The person says that it arrived. Twice is no error.

    Raises:
        Conflict: the time for it is over.
    """
    with transaction.atomic():
        drill = Drill.objects.select_for_update(no_key=True).get(pk=drill_id)
        if drill.state == Drill.State.FAILED:
            raise Conflict("This drill is over. Start another under Settings, My notifications.")
        if drill.state != Drill.State.PASSED:
            # Whoever answers has it, even before our worker could say that it left.
            drill.delivered_at = drill.delivered_at or now
            _end(drill, Drill.State.PASSED, now)
            drill.save()
    return drill


def _claimed(drill_id: UUID, now: datetime) -> Drill | None:
    """The drill to send; None when it is not due, another has it, or nothing is to be sent any more."""
    with transaction.atomic():
        drill = (
            Drill.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
            .select_related("channel", "contact__user")
            .filter(pk=drill_id, finished_at=None, next_look_at__lte=now)
            .first()
        )
        if drill is None:
            return None
        if drill.state == Drill.State.SENT:
            drill.failure = "Nobody said within 24 hours that it arrived."
            _end(drill, Drill.State.FAILED, now)
            drill.save()
            return None
        drill.tries += 1
        drill.next_look_at = now + LEASE
        drill.save(update_fields=["tries", "next_look_at"])
    return drill


def _send(drill: Drill, now: datetime) -> Result:
    message = Message(str(drill.pk), messages.drill_document(drill.name, now), now)
    try:
        if drill.channel is not None:
            kind = KINDS.get(drill.channel.kind)
            if kind is None or not drill.channel.is_open:
                return Result(Outcome.FAILED, error="The channel was switched off before the drill could leave.")
            return kind.send(drill.channel.recipient(now), message)
        contact = CONTACT_KINDS.get(drill.contact.kind)
        if contact is None or not contact.is_available() or not drill.contact.is_open:
            return Result(Outcome.FAILED, error="This installation cannot send to this contact any more.")
        links = {"It arrived": drill_address(require_organization_id(), drill.pk)}
        return contact.send(drill.contact.destination, message, links)
    except UndecryptableError:
        return Result(Outcome.FAILED, error="The address does not open with this installation's SECRET_KEY.")
    except Exception as error:  # A fault of ours is a way that leads nowhere too: the drill is there to say so.
        logger.exception("drill %s failed in the transport", drill.pk)
        return Result(Outcome.RETRY, error=f"The message could not be written: {type(error).__name__}.")


def _end(drill: Drill, state: Drill.State, now: datetime) -> None:
    drill.state, drill.finished_at, drill.next_look_at = state, now, None
    before = (
        Drill.objects.filter(channel=drill.channel_id, contact=drill.contact_id, finished_at__isnull=False)
        .exclude(pk=drill.pk)
        .select_related("incident")
        .order_by("-id")
        .first()
    )
    if state == Drill.State.PASSED:
        drill.failure = ""
        incident = before.incident if before is not None else None
        if incident is not None and Status.RESOLVED in incident.allowed_statuses:
            reason = "The drill is passed again."
            incident_change_status(incident_id=incident.pk, actor=ACTOR, status=Status.RESOLVED, reason=reason)
        return
    if before is None or before.state != Drill.State.FAILED:
        _tell(drill)
    if drill.channel_id is not None:
        drill.incident = incident_open(
            actor=ACTOR,
            title=f"A page through the channel “{drill.name}” would not arrive",
            severity=Severity.MEDIUM,
            description=f"Its drill failed: {drill.failure}",
            problem=DetectedProblem(dedup_key=f"drill:{drill.channel_id}"),
        ).incident


def _tell(drill: Drill) -> None:
    """Whoever can repair it, and whose contact it is; once for failures in a row."""
    configurers = Membership.objects.filter(is_active=True, role__in=_CONFIGURERS).order_by("pk")
    people = dict.fromkeys(configurers.values_list("user_id", flat=True))
    if drill.contact is not None:
        people[drill.contact.user_id] = None
    title = f"The drill of {drill.name} failed"
    people_told.emit(PeopleTold(tuple(people), title, drill.failure, reverse("notifications:drills")))
