"""Writing the explain ledger: one row for each decision, in the transaction of what was decided."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from incident_center.kernel.database.rows import write_rows
from incidents.models import Decision, Incident, Stage


@dataclass(frozen=True)
class Ruling:
    """One decision before it is written; see ``Decision`` for the words."""

    stage: Stage
    outcome: str
    reason: str
    subject: str = ""
    subject_name: str = ""
    data: dict[str, Any] = field(default_factory=dict)


def record(rulings: Iterable[Ruling], *, incident: Incident | None = None) -> None:
    """Writes decisions in the order given; all of them about one incident, or about none."""
    record_each((ruling, incident) for ruling in rulings)


def record_each(rulings: Iterable[tuple[Ruling, Incident | None]]) -> None:
    """Writes decisions about several incidents at once, in the order given."""
    now = timezone.now()
    write_rows(
        [
            Decision(
                incident=incident,
                at=now,
                stage=ruling.stage,
                outcome=ruling.outcome,
                reason=ruling.reason,
                subject=ruling.subject,
                subject_name=ruling.subject_name[:255],
                data=ruling.data,
            )
            for ruling, incident in rulings
        ]
    )
