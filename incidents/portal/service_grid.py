"""The health of the services: by name and environment, the worst of their open incidents and what they log."""

from __future__ import annotations

from dataclasses import dataclass, field

from incidents.lifecycle import Severity, Status
from incidents.models import Incident
from incidents.portal.reads import Pulse, service_pulses
from organizations.models import Service

_WORST_FIRST = list(Severity)


@dataclass
class Cell:
    """One service in one environment; ``severity`` is the worst open one, or None where all is well."""

    service: Service
    open_count: int = 0
    severity: str | None = None
    incident: Incident | None = None
    pulse: Pulse = field(default_factory=Pulse)


@dataclass
class Grid:
    """Rows by service name, a column for each environment; None where the service does not run there."""

    environments: list[str] = field(default_factory=list)
    rows: list[tuple[str, list[Cell | None]]] = field(default_factory=list)


def service_grid() -> Grid:
    """The services in use; those in trouble first."""
    services = list(Service.objects.filter(retired_at=None))
    pulses = service_pulses(services)
    cells = {service.pk: Cell(service, pulse=pulses.get(service.pk, Pulse())) for service in services}
    waiting = Incident.objects.filter(withdrawn_at=None, merged_into=None, service__in=cells).exclude(
        status=Status.RESOLVED
    )
    for incident in waiting.order_by("-opened_at"):
        assert incident.service_id is not None
        cell = cells[incident.service_id]
        cell.open_count += 1
        if cell.severity is None or _rank(incident.severity) < _rank(cell.severity):
            cell.severity, cell.incident = incident.severity, incident
    grid = Grid(environments=sorted({cell.service.environment for cell in cells.values()}))
    by_name: dict[str, dict[str, Cell]] = {}
    for cell in cells.values():
        by_name.setdefault(cell.service.name, {})[cell.service.environment] = cell
    for name in sorted(by_name, key=lambda name: (_worst(by_name[name]), name.lower())):
        grid.rows.append((name, [by_name[name].get(environment) for environment in grid.environments]))
    return grid


def _rank(severity: str) -> int:
    return _WORST_FIRST.index(Severity(severity))


def _worst(cells: dict[str, Cell]) -> int:
    ranks = [_rank(cell.severity) for cell in cells.values() if cell.severity is not None]
    return min(ranks, default=len(_WORST_FIRST))
