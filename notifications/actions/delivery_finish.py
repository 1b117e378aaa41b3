from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from incident_center.kernel.scope import Actor
from incidents.actions.incident_record_issue import incident_record_issue
from incidents.actions.incident_record_notification import incident_record_notification
from incidents.models import Incident
from notifications.actions.contact_expire import contact_expire
from notifications.actions.delivery_claim import Claim
from notifications.actions.lanes import lane_record
from notifications.backoff import delay_before_retry
from notifications.channels.base import Outcome, Result
from notifications.models import Delivery, DeliveryAttempt


def delivery_finish(*, claim: Claim, result: Result, now: datetime, actor: Actor) -> bool:
    """Records what came of an attempt: delivered, to be tried again, or failed for good.

    What a burst's one message tells is recorded for each of its deliveries. Success and final failure go onto the
    incident's timeline. False, and nothing recorded, when the lease had run out and another worker has claimed the
    delivery since.
    """
    held = (claim.delivery, *claim.members)
    with transaction.atomic():
        # The incidents first, in order, as everywhere: their timelines may be written below.
        incidents = sorted({each.incident_id for each in held if each.incident_id is not None})
        list(Incident.objects.select_for_update(no_key=True).filter(pk__in=incidents).order_by("pk"))
        recorded = [_finish(each, claim, result, now, actor) for each in held]
        if recorded[0] and claim.delivery.channel_id is not None and not claim.gives_up:
            lane_record(claim.delivery.channel_id, result, now)
    return recorded[0]


def _finish(held: Delivery, claim: Claim, result: Result, now: datetime, actor: Actor) -> bool:
    delivery = Delivery.objects.select_for_update(no_key=True).select_related(None).get(pk=held.pk)
    number = claim.numbers[held.pk]
    if delivery.attempt_count != number or not _is_awaited(delivery, result):
        return False
    retry_at = None
    if result.outcome is Outcome.RETRY:
        retry_at = now + delay_before_retry(delivery.tries, retry_after_seconds=result.retry_after_seconds)
    gives_up = retry_at is not None and retry_at > delivery.give_up_at
    DeliveryAttempt.objects.create(
        delivery=delivery,
        number=number,
        started_at=claim.started_at,
        duration_ms=max(0, round((now - claim.started_at).total_seconds() * 1000)),
        outcome=result.outcome.value,
        status_code=result.status_code,
        answer=result.answer,
        error=result.error,
    )
    delivery.lease_until = None
    if retry_at is not None and not gives_up:
        # Not earlier than it is due: the incident may have been muted while it was on its way.
        delivery.next_attempt_at = max(retry_at, delivery.next_attempt_at)
        delivery.failure = result.error
    elif result.outcome is Outcome.DELIVERED:
        _end(delivery, Delivery.State.DELIVERED, "", now)
        # A message that tells of several incidents is nobody's to change later.
        delivery.remote_id = "" if claim.members else result.remote_id[:255]
    else:
        failure = f"Given up after {delivery.tries} attempts. Last: {result.error}" if gives_up else result.error
        _end(delivery, Delivery.State.FAILED, failure, now)
    delivery.save(update_fields=["state", "failure", "finished_at", "next_attempt_at", "lease_until", "remote_id"])
    if delivery.state != Delivery.State.PENDING:
        if delivery.incident_id is not None:
            _tell_timeline(delivery, delivery.incident_id, held, actor)
        if result.is_gone and delivery.contact_id is not None:
            contact_expire(contact_id=delivery.contact_id)
        if result.issue is not None and delivery.incident_id is not None:
            change = {"channel": held.way.name, "issue": result.issue.name, "url": result.issue.url}
            incident_record_issue(
                incident_id=delivery.incident_id, actor=actor, is_open=result.issue.is_open, data=change
            )
    return True


def _is_awaited(delivery: Delivery, result: Result) -> bool:
    """What was taken back while it was on its way is told to have arrived, where it did."""
    if delivery.state == Delivery.State.CANCELLED:
        return result.outcome is Outcome.DELIVERED
    return delivery.state == Delivery.State.PENDING


def _end(delivery: Delivery, state: Delivery.State, failure: str, now: datetime) -> None:
    delivery.state = state
    delivery.failure = failure
    delivery.finished_at = now


def _tell_timeline(delivery: Delivery, incident_id: UUID, held: Delivery, actor: Actor) -> None:
    way = held.way
    delivered = delivery.state == Delivery.State.DELIVERED
    data = {
        "channel": way.name,
        "channel_id": str(way.pk),
        "channel_kind": way.kind,
        "delivery": str(delivery.pk),
        "topic": delivery.topic,
        "attempts": delivery.tries,
    }
    if not delivered:
        data["error"] = delivery.failure
    incident_record_notification(incident_id=incident_id, actor=actor, delivered=delivered, data=data)
