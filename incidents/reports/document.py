"""Incidents as a PDF: cover with the filters and the seal, figures and charts, and the table."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from audit.models import AuditSeal
from audit.selectors import last_seal
from incident_center.kernel.typesetting import typeset
from incidents.analytics.figures import Durations
from incidents.analytics.of_incidents import SetFigures, figures_of
from incidents.lifecycle import Severity, Status
from incidents.models import Incident, SlaClock
from incidents.reports.query import ReportQuery
from incidents.reports.wording import breakable, duration, minute
from organizations.models import Organization

TEMPLATE = Path(__file__).with_name("incidents.typ")
#: The table shows the newest of more; the figures are over all, and the CSV has them all.
MOST_ROWS = 5_000


def incidents_pdf(query: ReportQuery, *, organization: Organization, made_by: str, now: datetime) -> bytes:
    """PDF/A-2b.

    Raises:
        TypesettingError: the template cannot be set with these incidents.
    """
    figures = figures_of(query.incidents, timezone=organization.timezone)
    shown = list(query.incidents[:MOST_ROWS])
    data = {
        "organization": organization.name,
        "made": f"{organization.name} · incidents · {minute(now)} UTC",
        "made_by": made_by,
        "made_at": f"{minute(now)} UTC",
        "filters": [[name.capitalize(), breakable(value)] for name, value in query.stated],
        "seal": seal_facts(last_seal()),
        **_drawn(figures),
        "rows": [_row(incident) for incident in shown],
        "left_out": figures.whole.opened - len(shown),
    }
    return typeset(TEMPLATE, data, made_at=now)


def seal_facts(seal: AuditSeal | None) -> list[list[str]]:
    """On what the report rests: whoever has the published seals can check that it was so then."""
    if seal is None:
        return []
    return [
        ["Seal", f"{seal.number}, over {seal.total:,} entries"],
        ["Sealed until", f"{seal.sealed_at:%Y-%m-%d %H:%M:%S} UTC"],
        ["Hash (SHA-256)", breakable(bytes(seal.hash).hex())],
    ]


def _drawn(figures: SetFigures) -> dict[str, Any]:
    whole = figures.whole
    return {
        "total": whole.opened,
        "summary": [
            ["Incidents", f"{whole.opened:,}"],
            ["Not resolved", f"{whole.opened - figures.statuses[Status.RESOLVED]:,}"],
            ["Mean time to acknowledge", _mean(whole.time_to_acknowledge)],
            ["Mean time to resolve", _mean(whole.time_to_resolve)],
        ],
        "severities": [[name, Severity(name).label, group.opened] for name, group in figures.severities.items()],
        "statuses": [[one.label, figures.statuses[one]] for one in Status],
        "step": figures.step,
        "trend": [
            {
                "label": step.label,
                "opened": step.group.opened,
                "acknowledge": (step.group.mtta_seconds or 0) / 60,
                "acknowledge_words": _mean(step.group.time_to_acknowledge),
                "resolve": (step.group.mttr_seconds or 0) / 60,
                "resolve_words": _mean(step.group.time_to_resolve),
            }
            for step in figures.trend
        ],
        "attainment": [
            {"kind": one.name, "met": one.met, "missed": one.missed, "undecided": figures.undecided[kind]}
            for kind, one in figures.kinds.items()
            if one.met or one.missed or figures.undecided[kind]
        ],
    }


def _mean(times: Durations) -> str:
    return duration(None if times.mean_seconds is None else timedelta(seconds=times.mean_seconds))


def _row(incident: Incident) -> list[str]:
    service = incident.service
    return [
        incident.reference,
        minute(incident.opened_at),
        breakable(incident.title),
        f"{incident.get_severity_display()}, {incident.priority}",
        incident.get_status_display(),
        breakable(f"{service.name} ({service.environment})") if service else "–",
        _since_opening(incident, incident.acknowledged_at),
        _since_opening(incident, incident.resolved_at),
        _promises(incident),
        incident.severity,  # For its colour.
    ]


def _since_opening(incident: Incident, moment: datetime | None) -> str:
    return duration(moment - incident.opened_at) if moment else "–"


def _promises(incident: Incident) -> str:
    clocks = [clock for clock in incident.sla_clocks.all() if clock.outcome != SlaClock.Outcome.CANCELLED]
    if not clocks:
        return "–"
    missed = [clock.label.lower() for clock in clocks if clock.breached_at or clock.outcome == SlaClock.Outcome.MISSED]
    if missed:
        return f"{', '.join(missed)} missed"
    return "met" if all(clock.outcome for clock in clocks) else "running"
