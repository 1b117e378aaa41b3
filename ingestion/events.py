"""What the layers above may listen to."""

from __future__ import annotations

from dataclasses import dataclass

from incident_center.kernel.events import Event
from ingestion.levels import Level


@dataclass(frozen=True, slots=True)
class LogsStored:
    """Logs of one service were committed since the last such event: read them, they are visible.

    A wake-up call, not a record: after a crash it is missing, and a sweep must find what it would have said.
    """

    organization_id: int
    service_id: int
    highest_level: Level
    count: int


#: Emitted outside any transaction and any request, on a background thread, inside the organization's scope;
#: for each service at once when it was quiet, then at most every 200 ms, and once more after the last log.
logs_stored: Event[LogsStored] = Event("logs_stored")
