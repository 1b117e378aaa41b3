"""The worker's side of the outbox: claim, send outside any transaction, record.

A worker that dies between sending and recording leaves a lease behind; when it has run out another worker sends the
message again, under the same id. So each message arrives at least once, and its receiver can make that exactly once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from incident_center.kernel.scope import Actor, organization_scope, require_organization_id
from incident_center.kernel.secrets import UndecryptableError
from notifications import messages, metrics
from notifications.actions.delivery_claim import Claim, delivery_claim
from notifications.actions.delivery_finish import delivery_finish
from notifications.channels.base import Message, Outcome, Result
from notifications.channels.registry import KINDS
from notifications.contacts.kinds import CONTACT_KINDS
from notifications.models import Delivery
from notifications.response_links import response_address
from organizations.models import Membership

logger = logging.getLogger(__name__)

ACTOR = Actor.system("notifications")
Clock = Callable[[], datetime]
GIVEN_UP = Result(Outcome.FAILED, error="Given up: no worker that began it came back to say what came of it.")


def deliver(*, organization_id: int, delivery_id: UUID, clock: Clock = timezone.now) -> None:
    """Makes the due attempt of a delivery, and then of those that waited behind it. Safe to call at any time."""
    waiting: UUID | None = delivery_id
    while waiting is not None:
        with organization_scope(organization_id, actor=ACTOR):
            waiting = _attempt(waiting, clock)


def _attempt(delivery_id: UUID, clock: Clock) -> UUID | None:
    """One attempt; returns the delivery that may leave now that this one is finished."""
    claim = delivery_claim(delivery_id=delivery_id, now=clock())
    if claim is None:
        return None
    result = GIVEN_UP if claim.gives_up else _send(claim, clock())
    recorded = delivery_finish(claim=claim, result=result, now=clock(), actor=ACTOR)
    metrics.attempts.labels(kind=claim.delivery.way.kind, outcome=result.outcome.value).inc()
    if not recorded or result.outcome is Outcome.RETRY:
        return None
    return _next_in_line(claim.delivery)


def _send(claim: Claim, now: datetime) -> Result:
    delivery = claim.delivery
    try:
        return _send_to_contact(delivery, now) if delivery.channel is None else _send_through_channel(claim, now)
    except UndecryptableError:
        return Result(Outcome.FAILED, error="The address does not open with this installation's SECRET_KEY.")
    except Exception as error:  # A fault of ours must not take the worker down, nor lose the message.
        logger.exception("delivery %s failed in the transport", delivery.pk)
        return Result(Outcome.RETRY, error=f"The message could not be written: {type(error).__name__}.")


def _send_through_channel(claim: Claim, now: datetime) -> Result:
    delivery, channel = claim.delivery, claim.delivery.channel
    if not channel.is_open:
        return Result(Outcome.FAILED, error="The channel was switched off before this message could leave.")
    kind = KINDS.get(channel.kind)
    if kind is None:
        return Result(Outcome.FAILED, error=f"This installation has no channels of the kind {channel.kind}.")
    if claim.members:
        payload = messages.group_document([each.payload for each in (delivery, *claim.members)])
        return kind.send(channel.recipient(now), Message(str(delivery.pk), payload, now))
    message = Message(str(delivery.pk), delivery.payload, now, remote_id=_told_before(delivery))
    return kind.send(channel.recipient(now), message)


def _send_to_contact(delivery: Delivery, now: datetime) -> Result:
    contact = delivery.contact
    if not contact.is_open:
        return Result(Outcome.FAILED, error="The contact was removed before this message could leave.")
    if not Membership.objects.filter(user=contact.user_id, is_active=True).exists():
        return Result(Outcome.FAILED, error="Whom it was for is no active member any more.")
    kind = CONTACT_KINDS.get(contact.kind)
    if kind is None or not kind.is_available():
        return Result(Outcome.FAILED, error="This installation cannot send to contacts of this kind any more.")
    if delivery.incident_id is None:
        return kind.send_letter(contact.destination, Message(str(delivery.pk), delivery.payload, now))
    links = {
        "Acknowledge": response_address(require_organization_id(), delivery.pk),
        "Open incident": delivery.payload["data"]["incident"]["url"],
    }
    return kind.send(contact.destination, Message(str(delivery.pk), delivery.payload, now), links)


def _told_before(delivery: Delivery) -> str:
    """The other side's name of the message that this channel has about the incident already."""
    told = Delivery.objects.filter(channel=delivery.channel_id, incident=delivery.incident_id)
    told = told.exclude(remote_id="").exclude(pk=delivery.pk).order_by("-sequence")
    return told.values_list("remote_id", flat=True).first() or ""


def _next_in_line(finished: Delivery) -> UUID | None:
    if finished.channel_id is None or finished.incident_id is None:
        return None
    return (
        Delivery.objects.filter(
            channel_id=finished.channel_id,
            incident_id=finished.incident_id,
            state=Delivery.State.PENDING,
            next_attempt_at__lte=timezone.now(),
        )
        .order_by("sequence")
        .values_list("pk", flat=True)
        .first()
    )
