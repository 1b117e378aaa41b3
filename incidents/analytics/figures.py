"""The forms that the figures have: what the API answers with, and the page shows. No Django in here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from incidents.analytics.definitions import quantile_of_bins
from incidents.analytics.period import Period


@dataclass
class Durations:
    """How long it took, in seconds; None without any. The mean is exact, the others within 5 %."""

    count: int = 0
    total_seconds: float = 0.0
    bins: Counter[int] = field(default_factory=Counter)

    def add(self, count: int, seconds: float) -> None:
        self.count += count
        self.total_seconds += seconds

    @property
    def mean_seconds(self) -> float | None:
        return round(self.total_seconds / self.count, 3) if self.count else None

    @property
    def median_seconds(self) -> float | None:
        return quantile_of_bins(self.bins, 0.5)

    @property
    def p90_seconds(self) -> float | None:
        return quantile_of_bins(self.bins, 0.9)


@dataclass
class Group:
    """The incidents of one severity, service or team, or of one day. Its durations have means only."""

    id: UUID | None = None
    name: str = ""
    environment: str = ""
    opened: int = 0
    time_to_acknowledge: Durations = field(default_factory=Durations)
    time_to_resolve: Durations = field(default_factory=Durations)
    without_action: int = 0

    @property
    def acknowledged(self) -> int:
        return self.time_to_acknowledge.count

    @property
    def resolved(self) -> int:
        return self.time_to_resolve.count

    @property
    def mtta_seconds(self) -> float | None:
        return self.time_to_acknowledge.mean_seconds

    @property
    def mttr_seconds(self) -> float | None:
        return self.time_to_resolve.mean_seconds


@dataclass
class RuleNoise:
    id: UUID
    name: str
    opened: int = 0
    without_action: int = 0


@dataclass
class PersonLoad:
    id: UUID
    name: str
    pages: int = 0
    out_of_hours: int = 0


@dataclass
class Noise:
    pages: int = 0
    opened: int = 0
    resolved: int = 0
    without_action: int = 0
    rules: list[RuleNoise] = field(default_factory=list)

    @property
    def incidents_per_page(self) -> float | None:
        """Below one: several people, or several steps, for an incident."""
        return round(self.opened / self.pages, 3) if self.pages else None

    @property
    def without_action_share(self) -> float | None:
        return round(self.without_action / self.resolved, 4) if self.resolved else None


@dataclass
class Summary:
    period: Period
    whole: Group
    severities: list[Group]
    services: list[Group]
    teams: list[Group]
    noise: Noise
    people: list[PersonLoad]


@dataclass
class Point:
    """One day."""

    day: date
    group: Group = field(default_factory=Group)
    severities: Counter[str] = field(default_factory=Counter)


@dataclass
class Trends:
    period: Period
    points: list[Point]
    #: Incidents opened by weekday (Monday first) and hour, in the organization's time zone.
    hour_of_week: list[list[int]]


@dataclass
class Attainment:
    met: int = 0
    missed: int = 0
    id: UUID | None = None
    name: str = ""
    environment: str = ""
    day: date | None = None

    @property
    def share(self) -> float | None:
        decided = self.met + self.missed
        return round(self.met / decided, 4) if decided else None


@dataclass
class SlaFigures:
    period: Period
    whole: Attainment
    kinds: list[Attainment]
    services: list[Attainment]
    points: list[Attainment]
