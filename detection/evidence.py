"""The alerts of an incident, in its evidence."""

from __future__ import annotations

from collections.abc import Iterator

from audit.evidence.proofs import File
from detection import selectors
from incidents.evidence.parts import as_json_lines, evidence_part
from incidents.models import Incident

COLUMNS = (
    "id",
    "fingerprint",
    "status",
    "severity",
    "title",
    "description",
    "labels",
    "details",
    "links",
    "starts_at",
    "ends_at",
    "first_received_at",
    "last_received_at",
    "resolved_at",
    "received_count",
    "firing_count",
)


@evidence_part(order=35)
def alerts(incident: Incident) -> Iterator[File]:
    yield "alerts.jsonl", as_json_lines(selectors.alerts_of_incident(incident).values(*COLUMNS))
