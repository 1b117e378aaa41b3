"""Every read of on-call schedules; in the organization of the open scope."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from incident_center.kernel.api.problems import NotFound
from incidents.models import Schedule, ScheduleLayer, ScheduleOverride, ShiftSwap
from incidents.schedules.restrictions import windows_of
from incidents.schedules.rotation import Turns, Unit, first_handover
from incidents.schedules.shifts import LayerPlan, OverridePlan, SchedulePlan, Shift, Source, final_shifts
from organizations.access import Action, Grant, Role, allows
from organizations.models import Membership

#: Who may be on call: whoever may work on every incident.
RESPONDER_ROLES = tuple(role for role in Role if allows(role, Action.WORK_INCIDENTS) is Grant.YES)
#: How far ahead is looked for when the present shift ends and who comes next.
HORIZON = timedelta(days=62)
#: Of one read of shifts.
LONGEST_SPAN = timedelta(days=366)

# ---- Rows ------------------------------------------------------------------------------------------------------


def schedules() -> QuerySet[Schedule]:
    """All schedules with their layers, by name."""
    layers = Prefetch("layers", ScheduleLayer.objects.order_by("position"))
    return Schedule.objects.prefetch_related(layers).order_by("name", "pk")


def get_schedule(schedule_id: UUID) -> Schedule:
    """Raises NotFound where there is none, or it is another organization's."""
    schedule = schedules().filter(pk=schedule_id).first()
    if schedule is None:
        raise NotFound()
    return schedule


def get_layer(schedule_id: UUID, layer_id: UUID) -> ScheduleLayer:
    """Raises NotFound where the schedule has none such."""
    layer = ScheduleLayer.objects.select_related("schedule").filter(schedule=schedule_id, pk=layer_id).first()
    if layer is None:
        raise NotFound()
    return layer


def overrides_of(schedule: Schedule) -> QuerySet[ScheduleOverride]:
    """By their beginning."""
    return ScheduleOverride.objects.filter(schedule=schedule).select_related("user").order_by("starts_at", "pk")


def get_override(schedule_id: UUID, override_id: UUID) -> ScheduleOverride:
    """Raises NotFound where the schedule has none such."""
    override = ScheduleOverride.objects.filter(schedule=schedule_id, pk=override_id).select_related("user").first()
    if override is None:
        raise NotFound()
    return override


def swaps_of(schedule: Schedule) -> QuerySet[ShiftSwap]:
    """Newest first."""
    return ShiftSwap.objects.filter(schedule=schedule).select_related("requester", "asked").order_by("-pk")


def waiting_swaps(now: datetime) -> QuerySet[ShiftSwap]:
    """Those that somebody may still accept, the most pressing first."""
    waiting = ShiftSwap.objects.filter(state=ShiftSwap.State.ASKED, starts_at__gt=now)
    return waiting.select_related("schedule", "requester", "asked").order_by("starts_at", "pk")


def responders() -> QuerySet[Membership]:
    """The active members who may be on call, by name."""
    people = Membership.objects.filter(is_active=True, role__in=RESPONDER_ROLES)
    return people.select_related("user").order_by("user__name", "pk")


def person_names(user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """The names of members, also of those who are active no longer."""
    found = Membership.objects.filter(user__in=set(user_ids)).select_related("user")
    return {membership.user_id: str(membership.user) for membership in found}


# ---- Plans -----------------------------------------------------------------------------------------------------


def layer_plan(layer: ScheduleLayer, zone: ZoneInfo) -> LayerPlan:
    """The layer in the form that the mathematics takes."""
    unit = Unit(layer.unit)
    anchor = first_handover(
        layer.starts_at.astimezone(zone).replace(tzinfo=None),
        unit=unit,
        interval=layer.interval,
        handover_time=layer.handover_time,
        handover_weekday=layer.handover_weekday,
    )
    return LayerPlan(
        source=Source("layer", layer.pk, layer.name),
        turns=Turns(anchor, layer.interval * unit.seconds, tuple(layer.participants)),
        starts_at=layer.starts_at,
        ends_at=layer.ends_at,
        windows=windows_of(layer.restrictions),
    )


def override_plan(override: ScheduleOverride) -> OverridePlan:
    source = Source("override", override.pk, override.reason)
    return OverridePlan(source, override.user_id, override.starts_at, override.ends_at)


def plans(found: Sequence[Schedule], start: datetime, end: datetime) -> dict[UUID, SchedulePlan]:
    """What decides who is on call between two moments, by schedule: three queries, however many schedules."""
    layers: dict[UUID, list[ScheduleLayer]] = {schedule.pk: [] for schedule in found}
    for layer in ScheduleLayer.objects.filter(schedule__in=layers).order_by("position"):
        layers[layer.schedule_id].append(layer)
    overrides: dict[UUID, list[ScheduleOverride]] = {schedule.pk: [] for schedule in found}
    touching = ScheduleOverride.objects.filter(schedule__in=overrides, starts_at__lt=end, ends_at__gt=start)
    for override in touching.order_by("-created_at", "-pk"):
        overrides[override.schedule_id].append(override)
    named = {user_id for rows in layers.values() for layer in rows for user_id in layer.participants}
    named |= {override.user_id for rows in overrides.values() for override in rows}
    absent = frozenset(named - present(named))
    result = {}
    for schedule in found:
        zone = ZoneInfo(schedule.timezone)
        result[schedule.pk] = SchedulePlan(
            zone=zone,
            layers=tuple(layer_plan(layer, zone) for layer in layers[schedule.pk]),
            overrides=tuple(override_plan(override) for override in overrides[schedule.pk]),
            absent=absent,
        )
    return result


def present(user_ids: Iterable[UUID]) -> set[UUID]:
    """Those of them who are active members and whose role may respond."""
    people = Membership.objects.filter(user__in=set(user_ids), is_active=True, role__in=RESPONDER_ROLES)
    return set(people.values_list("user_id", flat=True))


# ---- Answers ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OnCall:
    """Who is on call on a schedule at a moment, and who comes after.

    ``shift`` is a gap where nobody is. Its end, and ``following``, are looked for over ``HORIZON``.
    """

    schedule: Schedule
    shift: Shift
    following: Shift | None

    @property
    def ends_in_sight(self) -> bool:
        """Whether the end of the shift is a hand-over, and not only as far as one looked."""
        return self.following is not None


def shifts_between(schedule: Schedule, start: datetime, end: datetime) -> list[Shift]:
    """The final schedule, gaps included, cut to the two moments."""
    return final_shifts(plans([schedule], start, end)[schedule.pk], start, end)


def on_call_user_ids(schedule: Schedule, at: datetime) -> tuple[UUID, ...]:
    """Who is on call on the schedule at that moment; nobody in a gap."""
    shift = _shift_at(plans([schedule], at, at + timedelta(seconds=1))[schedule.pk], at)
    return () if shift.user is None else (shift.user,)


def on_call(found: Sequence[Schedule], at: datetime | None = None) -> list[OnCall]:
    """Who is on call on each of the schedules, in their order; three queries, however many they are.

    The beginning of a shift is where it really began, looked for over the same horizon backwards.
    """
    at = at or timezone.now()
    start, end = at - HORIZON, at + HORIZON
    result = []
    for schedule, plan in zip(found, plans(found, start, end).values(), strict=True):
        shifts = final_shifts(plan, start, end)
        index = next(index for index, shift in enumerate(shifts) if shift.start <= at < shift.end)
        following = shifts[index + 1] if index + 1 < len(shifts) else None
        result.append(OnCall(schedule, shifts[index], following))
    return result


def shifts_of_person(user_id: UUID, start: datetime, end: datetime) -> list[tuple[Schedule, Shift]]:
    """When the person is on call, on any schedule, by beginning."""
    found = list(schedules())
    mine = [
        (schedule, shift)
        for schedule, plan in zip(found, plans(found, start, end).values(), strict=True)
        for shift in final_shifts(plan, start, end)
        if shift.user == user_id
    ]
    return sorted(mine, key=lambda each: each[1].start)


def _shift_at(plan: SchedulePlan, at: datetime) -> Shift:
    # The mathematics counts in whole seconds.
    begin = at.replace(microsecond=0)
    return final_shifts(plan, begin, begin + timedelta(seconds=1))[0]


def gaps(found: Sequence[Schedule], start: datetime, end: datetime) -> dict[UUID, list[Shift]]:
    """When nobody is on call between two moments, by schedule."""
    return {
        schedule_id: [shift for shift in final_shifts(plan, start, end) if shift.is_gap]
        for schedule_id, plan in plans(found, start, end).items()
    }
