"""What the rooms above the actions listen to."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from incident_center.kernel.events import Event


@dataclass(frozen=True)
class DeliveriesWritten:
    """Rows were put into the outbox, in a transaction that is still open."""

    organization_id: int
    delivery_ids: tuple[UUID, ...]


deliveries_written: Event[DeliveriesWritten] = Event("deliveries written")
