from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from notifications.models import Delivery, DeliveryAttempt

# Longer than an attempt can take (notifications.channels.egress.TOTAL_SECONDS), so that only the dead lose a claim.
LEASE = timedelta(seconds=30)


@dataclass(frozen=True)
class Claim:
    """The right to make one attempt. ``number`` is the attempt's; a later claim has a higher one."""

    delivery: Delivery
    number: int
    started_at: datetime


def delivery_claim(*, delivery_id: UUID, now: datetime) -> Claim | None:
    """Takes a due delivery for one attempt, for the length of a lease; None when it is not due, or another has it.

    Not due is also what stands behind an earlier message about the same incident to the same channel: they leave in
    order. Pages to people are alarms each, and do not wait for one another. A claim whose lease ran out is given to
    the next who asks, and the attempt is recorded as lost.
    """
    earlier = Delivery.objects.filter(
        channel=OuterRef("channel"),
        incident=OuterRef("incident"),
        state=Delivery.State.PENDING,
        sequence__lt=OuterRef("sequence"),
    )
    with transaction.atomic():
        delivery = (
            Delivery.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
            .select_related("channel", "contact__user")
            .defer(
                "channel__url", "channel__credential", "channel__secret", "channel__previous_secret", "contact__address"
            )
            .filter(
                ~Exists(earlier),
                Q(lease_until=None) | Q(lease_until__lte=now),
                pk=delivery_id,
                state=Delivery.State.PENDING,
                next_attempt_at__lte=now,
            )
            .first()
        )
        if delivery is None:
            return None
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
    return Claim(delivery=delivery, number=delivery.attempt_count, started_at=now)
