"""Who is on call: what an escalation asks of the schedules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID


class Schedules(Protocol):
    """Reads of on-call schedules in the open scope."""

    def on_call(self, schedule_id: UUID, at: datetime) -> Sequence[UUID]:
        """The user ids of whoever is on call at that moment; empty for a gap, or a schedule that is gone."""
        ...

    def schedule_names(self) -> Mapping[UUID, str]:
        """Every schedule, with what people call it, by name."""
        ...


class NoSchedules:
    """An organization without schedules: nobody is on call."""

    def on_call(self, schedule_id: UUID, at: datetime) -> Sequence[UUID]:
        return ()

    def schedule_names(self) -> Mapping[UUID, str]:
        return {}


_registered: list[Schedules] = [NoSchedules()]


def register(schedules: Schedules) -> None:
    """Puts the organization's schedules in the place of what was there."""
    _registered[0] = schedules


def schedules() -> Schedules:
    return _registered[0]
