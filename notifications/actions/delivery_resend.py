from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, NotFound
from incident_center.kernel.scope import Actor, require_organization_id
from notifications.actions.outbox_write import GIVE_UP_AFTER
from notifications.events import DeliveriesWritten, deliveries_written
from notifications.models import Delivery, Lane


def delivery_resend(*, delivery_id: UUID, actor: Actor) -> Delivery:
    """Sends a finished delivery once more, under the id that it had: a receiver that got it already can tell.

    Raises:
        NotFound: no such delivery.
        Conflict: it is still on its way, or its channel is switched off or removed.
    """
    with transaction.atomic():
        delivery = (
            Delivery.objects.select_for_update(of=("self",), no_key=True)
            .select_related("channel", "contact__user")
            .filter(pk=delivery_id)
            .first()
        )
        if delivery is None:
            raise NotFound()
        if delivery.state == Delivery.State.PENDING:
            raise Conflict("This message is still on its way; it is tried again by itself.")
        if delivery.channel is not None and not delivery.channel.is_open:
            raise Conflict(f"The channel “{delivery.channel}” is switched off; switch it on first.")
        if delivery.contact is not None and not delivery.contact.is_open:
            raise Conflict(f"{delivery.contact.name} cannot be used any more.")
        now = timezone.now()
        delivery.state = Delivery.State.PENDING
        delivery.tries = 0
        delivery.next_attempt_at = now
        delivery.give_up_at = now + GIVE_UP_AFTER
        delivery.finished_at = None
        delivery.save(update_fields=["state", "tries", "next_attempt_at", "give_up_at", "finished_at"])
        # Who resends by hand believes that the channel works again.
        Lane.objects.filter(channel=delivery.channel_id).update(failures=0, rests_until=None)
        deliveries_written.emit(DeliveriesWritten(require_organization_id(), (delivery.pk,)))
    return delivery
