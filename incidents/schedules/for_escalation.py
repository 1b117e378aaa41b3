"""Tells escalations who is on call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from incidents.escalation import on_call
from incidents.models import Schedule
from incidents.schedules.selectors import on_call_user_ids


class OnCallSchedules:
    """The schedules of the organization, as ``incidents.escalation.on_call`` asks for them."""

    def on_call(self, schedule_id: UUID, at: datetime) -> Sequence[UUID]:
        schedule = Schedule.objects.filter(pk=schedule_id).first()
        return () if schedule is None else on_call_user_ids(schedule, at)

    def schedule_names(self) -> Mapping[UUID, str]:
        return dict(Schedule.objects.order_by("name", "pk").values_list("pk", "name"))


def register() -> None:
    on_call.register(OnCallSchedules())
