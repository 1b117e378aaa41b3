"""Wake-up calls for the outbox."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from incident_center.kernel.scope import require_organization_id
from incident_center.kernel.tasks import enqueue_on_commit
from incident_center.kernel.work_pool import ending
from notifications import outbox
from notifications.events import DeliveriesWritten


@shared_task(name="notifications.deliver")
def deliver(delivery_id: str) -> None:
    if ending.is_set():
        return  # The row stays due, and the next sweep of another worker, or of the next start, finds it.
    outbox.deliver(organization_id=require_organization_id(), delivery_id=UUID(delivery_id))


def wake_outbox(written: DeliveriesWritten) -> None:
    """Handler of ``deliveries_written``: calls a worker for each message once it is committed."""
    for delivery_id in written.delivery_ids:
        enqueue_on_commit(deliver, delivery_id=str(delivery_id))
