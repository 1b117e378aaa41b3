from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from notifications.actions.lanes import lane_admit
from notifications.channels.registry import KINDS
from notifications.models import Channel, Delivery, DeliveryAttempt

# Longer than an attempt can take (notifications.channels.egress.TOTAL_SECONDS), so that only the dead lose a claim.
LEASE = timedelta(seconds=30)
# From so many messages on that wait for a channel, they are told in one.
GROUPS_FROM = 5
LARGEST_GROUP = 50


@dataclass(frozen=True)
class Claim:
    """The right to make one attempt. ``number`` is the attempt's; a later claim has a higher one.

    ``members`` are further deliveries of a burst to the same channel, which the one message tells too. ``gives_up``:
    nothing is to be sent any more. The time for it is over, and its last worker never came back.
    """

    delivery: Delivery
    number: int
    started_at: datetime
    members: tuple[Delivery, ...] = ()
    gives_up: bool = False

    @property
    def numbers(self) -> dict[UUID, int]:
        """The number of the attempt of each delivery that it holds."""
        return {each.pk: each.attempt_count for each in (self.delivery, *self.members)}


def delivery_claim(*, delivery_id: UUID, now: datetime) -> Claim | None:
    """Takes a due delivery for one attempt, for the length of a lease; None when it is not due, or another has it.

    Not due is also what stands behind an earlier message about the same incident to the same channel: they leave in
    order. Pages to people are alarms each, and do not wait for one another. What the channel's rate or its rest after
    failures does not let through now is put off. A claim whose lease ran out is given to the next who asks, and the
    attempt is recorded as lost.
    """
    with transaction.atomic():
        delivery = _due(now).filter(~Exists(_earlier()), pk=delivery_id).first()
        if delivery is None:
            return None
        members: list[Delivery] = []
        # Only what is recorded gives up otherwise, and a message that takes its worker down is never recorded.
        gives_up = delivery.lease_until is not None and delivery.give_up_at <= now
        channel = delivery.channel
        kind = KINDS.get(channel.kind) if channel is not None else None
        if channel is not None and kind is not None and not gives_up:
            again_at = lane_admit(channel.pk, kind, now, probe_for=LEASE)
            if again_at is not None:
                delivery.next_attempt_at = again_at
                delivery.save(update_fields=["next_attempt_at"])
                return None
            if kind.groups_bursts:
                members = _burst(delivery, channel, now)
        for each in (delivery, *members):
            _take(each, now)
    return Claim(delivery, delivery.attempt_count, now, tuple(members), gives_up)


def _due(now: datetime) -> QuerySet[Delivery]:
    return (
        Delivery.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
        .select_related("channel", "contact__user")
        .defer("channel__url", "channel__credential", "channel__secret", "channel__previous_secret", "contact__address")
        .filter(Q(lease_until=None) | Q(lease_until__lte=now), state=Delivery.State.PENDING, next_attempt_at__lte=now)
    )


def _earlier() -> QuerySet[Delivery]:
    return Delivery.objects.filter(
        channel=OuterRef("channel"),
        incident=OuterRef("incident"),
        state=Delivery.State.PENDING,
        sequence__lt=OuterRef("sequence"),
    )


def _burst(first: Delivery, channel: Channel, now: datetime) -> list[Delivery]:
    """What else waits for the channel, in order, where it is a burst; without what stands behind others' claims."""
    waiting = list(_due(now).filter(channel=channel).exclude(pk=first.pk).order_by("pk")[: LARGEST_GROUP - 1])
    if len(waiting) < GROUPS_FROM - 1:
        return []
    return _in_line(first, waiting)


def _in_line(first: Delivery, waiting: Sequence[Delivery]) -> list[Delivery]:
    """Those of the waiting before which nothing about the same incident is left out."""
    incidents = {each.incident_id for each in waiting}
    pending = Delivery.objects.filter(channel=first.channel_id, incident__in=incidents, state=Delivery.State.PENDING)
    before: dict[UUID | None, list[tuple[int, UUID]]] = {}
    for incident_id, sequence, pk in pending.values_list("incident_id", "sequence", "pk"):
        before.setdefault(incident_id, []).append((sequence, pk))
    chosen = {first.pk}
    members = []
    for each in sorted(waiting, key=lambda one: one.sequence):
        if all(pk in chosen for sequence, pk in before[each.incident_id] if sequence < each.sequence):
            chosen.add(each.pk)
            members.append(each)
    return sorted(members, key=lambda one: one.pk)


def _take(delivery: Delivery, now: datetime) -> None:
    if delivery.lease_until is not None:
        DeliveryAttempt.objects.create(
            delivery=delivery,
            number=delivery.attempt_count,
            started_at=delivery.lease_until - LEASE,
            outcome=DeliveryAttempt.Outcome.LOST,
            error="The worker that made this attempt ended before it could say what came of it.",
        )
    delivery.attempt_count += 1
    delivery.tries += 1
    delivery.lease_until = now + LEASE
    delivery.save(update_fields=["attempt_count", "tries", "lease_until"])
