"""When who is told: the mathematics of a frozen escalation policy. No Django in here.

A policy is a list of steps that is gone through ``1 + repeat_count`` times (rounds). Rounds and steps are counted
from 1. A step is due its own delay after the step before it ran; the first step of a later round is due the repeat
delay after the last step of the round before it, plus its own delay. When the repeat delay has passed after the last
step of the last round, and still nobody has acknowledged, comes the last resort: an escalation never just ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo


class TargetKind(StrEnum):
    """Who a step names: a person, whoever is on call, all members of a team, or a channel."""

    USER = "user"
    SCHEDULE = "schedule"
    TEAM = "team"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Target:
    kind: TargetKind
    id: UUID

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    def as_data(self) -> dict[str, str]:
        return {"type": self.kind.value, "id": str(self.id)}


@dataclass(frozen=True, slots=True)
class Step:
    delay: timedelta
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Hours:
    """A span of each of some days in a time zone. Where it ends before it begins it runs over midnight and belongs
    to the day on which it began; where both are equal it is the whole day.
    """

    zone: str
    days: frozenset[int]
    """ISO weekdays: 1 is Monday, 7 is Sunday."""
    start: time
    end: time

    def contain(self, at: datetime) -> bool:
        local = at.astimezone(ZoneInfo(self.zone))
        moment, today = local.time(), local.isoweekday()
        if self.start == self.end:
            return today in self.days
        if self.start < self.end:
            return today in self.days and self.start <= moment < self.end
        yesterday = 7 if today == 1 else today - 1
        return (today in self.days and moment >= self.start) or (yesterday in self.days and moment < self.end)


@dataclass(frozen=True, slots=True)
class UrgencyRule:
    """Which severities wake people: some always, some only within the hours."""

    always_high: frozenset[str]
    high_in_hours: frozenset[str] = frozenset()
    hours: Hours | None = None

    def is_high(self, severity: str, at: datetime) -> bool:
        if severity in self.always_high:
            return True
        return severity in self.high_in_hours and self.hours is not None and self.hours.contain(at)


@dataclass(frozen=True, slots=True)
class Plan:
    """A policy as it was when the escalation began."""

    steps: tuple[Step, ...]
    repeat_count: int
    repeat_delay: timedelta
    acknowledgement_timeout: timedelta | None
    urgency: UrgencyRule

    @property
    def rounds(self) -> int:
        return 1 + self.repeat_count


#: The level of those who are told where no step found anybody, or nobody acknowledged: owners and team leads.
LAST_RESORT = 0


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A step of a round, both counted from 1. The last resort is level 0 of the round after the last."""

    round: int
    level: int


#: Before the first step.
BEGINNING = Position(1, 0)


@dataclass(frozen=True, slots=True)
class Due:
    position: Position
    at: datetime


def step_after(plan: Plan, position: Position, ran_at: datetime) -> Due | None:
    """What follows the step that ran at that time (``BEGINNING``: the start); None after the last resort."""
    if position.round > plan.rounds:
        return None
    if position.level < len(plan.steps):
        return Due(Position(position.round, position.level + 1), ran_at + plan.steps[position.level].delay)
    if position.round == plan.rounds:
        return Due(Position(position.round + 1, LAST_RESORT), ran_at + plan.repeat_delay)
    return Due(Position(position.round + 1, 1), ran_at + plan.repeat_delay + plan.steps[0].delay)


def timetable(plan: Plan, began_at: datetime, position: Position = BEGINNING) -> Iterator[Due]:
    """Everything that comes after the position, as long as nobody acknowledges and each step runs when it is due."""
    due = step_after(plan, position, began_at)
    while due is not None:
        yield due
        due = step_after(plan, due.position, due.at)


# ---- The stored form ---------------------------------------------------------------------------------------


def plan_of(frozen: Mapping[str, Any]) -> Plan:
    """The plan that the stored form of a policy describes; ``incidents.escalation.definition`` has checked it."""
    minutes = frozen.get("acknowledgement_timeout_minutes")
    return Plan(
        steps=tuple(
            Step(
                delay=timedelta(minutes=step["delay_minutes"]),
                targets=tuple(Target(TargetKind(each["type"]), UUID(each["id"])) for each in step["targets"]),
            )
            for step in frozen["steps"]
        ),
        repeat_count=frozen["repeat_count"],
        repeat_delay=timedelta(minutes=frozen["repeat_delay_minutes"]),
        acknowledgement_timeout=None if minutes is None else timedelta(minutes=minutes),
        urgency=urgency_of(frozen["urgency"]),
    )


def urgency_of(stored: Mapping[str, Any]) -> UrgencyRule:
    hours = stored.get("hours")
    return UrgencyRule(
        always_high=frozenset(stored["always_high"]),
        high_in_hours=frozenset(stored.get("high_in_hours", ())),
        hours=None
        if hours is None
        else Hours(
            zone=hours["timezone"],
            days=frozenset(hours["days"]),
            start=time.fromisoformat(hours["from"]),
            end=time.fromisoformat(hours["to"]),
        ),
    )
