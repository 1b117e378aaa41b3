"""Checks and what they find. Upper apps add theirs in ``AppConfig.ready()``:

```
@coverage_check(name="empty_routes", label="Routes that lead to nobody", order=60)
def empty_routes(now):
    yield Finding("route:…", "Payments", "leads to no channel that is switched on.", path="/routes/…")
```
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

#: How far ahead schedules are looked at.
AHEAD = timedelta(days=30)


class Gravity(StrEnum):
    """DANGER: an incident may reach nobody. WARNING: it costs time, or may become a danger."""

    DANGER = "danger"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that is not covered. ``message`` follows the subject's name and ends with a full stop."""

    subject: str
    """As in the ledger: ``schedule:<uuid>``, ``user:<uuid>``, ``service:<uuid>``, …"""
    name: str
    message: str
    gravity: Gravity = Gravity.WARNING
    path: str = ""
    """The page where it can be mended."""
    data: dict[str, Any] = field(default_factory=dict)


Check = Callable[[datetime], Iterable[Finding]]


@dataclass(frozen=True)
class CoverageCheck:
    name: str
    label: str
    order: int
    run: Check


_checks: dict[str, CoverageCheck] = {}


def coverage_check(*, name: str, label: str, order: int) -> Callable[[Check], Check]:
    """Registers a check; one of the same name is replaced. It runs in the organization's scope and only reads."""

    def register(run: Check) -> Check:
        _checks[name] = CoverageCheck(name, label, order, run)
        return run

    return register


@dataclass(frozen=True)
class CheckResult:
    check: CoverageCheck
    findings: tuple[Finding, ...]


def run_checks(now: datetime) -> list[CheckResult]:
    """Every check with what it found, in their order; the gravest finding of each first."""
    results = []
    for check in sorted(_checks.values(), key=lambda each: (each.order, each.name)):
        findings = sorted(check.run(now), key=lambda each: (each.gravity is not Gravity.DANGER, each.name.casefold()))
        results.append(CheckResult(check, tuple(findings)))
    return results
