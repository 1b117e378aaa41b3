"""Grafana OnCall: the answers of its API for users, schedules, on-call shifts, escalation chains and policies."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from incidents.moving_in.neutral import (
    Export,
    ForeignLayer,
    ForeignOverride,
    ForeignPerson,
    ForeignPolicy,
    ForeignSchedule,
    ForeignStep,
    at_the_turn,
    daily_windows,
    read_moment,
    weekly_window,
    zone_name,
)
from incidents.moving_in.reading import Records
from incidents.schedules.rotation import Unit
from incidents.schedules.wall_clock import on_the_clock

_UNITS = {"hourly": Unit.HOURS, "daily": Unit.DAYS, "weekly": Unit.WEEKS}
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY_MINUTES = 24 * 60
#: Its “repeat escalation” does so at most this often.
_REPEATS = 5


def read(records: Records, now: datetime) -> Export:
    export = Export()
    for user in records.get("users", []):
        name = str(user.get("name") or user.get("username") or user["id"])
        export.people.append(ForeignPerson(str(user["id"]), str(user.get("email") or ""), name))
    shifts = {str(shift["id"]): shift for shift in records.get("on_call_shifts", [])}
    for schedule in records.get("schedules", []):
        export.schedules.append(_schedule(schedule, shifts, export, now))
    chains = {str(chain["id"]): str(chain["name"]) for chain in records.get("escalation_chains", [])}
    for chain_id, name in chains.items():
        policies = [p for p in records.get("escalation_policies", []) if str(p.get("escalation_chain_id")) == chain_id]
        export.policies.append(_policy(name, sorted(policies, key=lambda each: int(each.get("position") or 0)), export))
    return export


def _schedule(
    schedule: dict[str, Any], shifts: dict[str, dict[str, Any]], export: Export, now: datetime
) -> ForeignSchedule:
    name = str(schedule["name"])
    subject = f"schedule “{name}”"
    zone = ZoneInfo(zone_name(schedule.get("time_zone") or "UTC", export, subject))
    if schedule.get("type") == "ical":
        export.note(subject, "it comes from a calendar's address; only its name is taken over")
    named = [shifts[key] for each in schedule.get("shifts") or [] if (key := str(each)) in shifts]
    layers: list[tuple[int, ForeignLayer]] = []
    overrides: list[ForeignOverride] = []
    for shift in named:
        where = f"{subject}, shift “{shift.get('name') or shift['id']}”"
        local = ZoneInfo(zone_name(shift["time_zone"], export, where)) if shift.get("time_zone") else zone
        if local != zone:
            export.note(where, f"it counts in {local.key}; here the whole schedule counts in {zone.key}")
        if shift.get("type") in ("single_event", "override"):
            overrides += _overrides(shift, local, export, where, now)
        elif (layer := _layer(shift, local, export, where, now)) is not None:
            layers.append((int(shift.get("level") or shift.get("priority_level") or 0), layer))
    ordered = [layer for _, layer in sorted(layers, key=lambda each: -each[0])]
    return ForeignSchedule(str(schedule["id"]), name, zone.key, "", ordered, overrides)


def _groups(shift: dict[str, Any], export: Export, where: str) -> list[str]:
    """The people in the order of their turns; of those who share a turn the first."""
    if shift.get("type") == "rolling_users":
        groups = [group for group in shift.get("rolling_users") or [] if group]
    else:
        groups = [shift["users"]] if shift.get("users") else []
    if any(len(group) > 1 for group in groups):
        export.note(where, "people share a turn; here the first of them is on call")
    first = int(shift.get("start_rotation_from_user_index") or 0) % (len(groups) or 1)
    return [str(group[0]) for group in [*groups[first:], *groups[:first]]]


def _overrides(
    shift: dict[str, Any], zone: ZoneInfo, export: Export, where: str, now: datetime
) -> list[ForeignOverride]:
    start = read_moment(shift.get("start"), zone)
    people = shift.get("users") or [user for group in shift.get("rolling_users") or [] for user in group]
    if start is None or not people:
        export.note(where, "it has nobody in it, or no beginning; left out")
        return []
    if len(people) > 1:
        export.note(where, "people share it; here the first of them is on call")
    end = start + timedelta(seconds=int(shift.get("duration") or 0))
    return [ForeignOverride(str(people[0]), start, end)] if end > now else []


def _layer(shift: dict[str, Any], zone: ZoneInfo, export: Export, where: str, now: datetime) -> ForeignLayer | None:
    people, start = _groups(shift, export, where), read_moment(shift.get("start"), zone)
    begin = read_moment(shift.get("rotation_start"), zone) or start
    until = read_moment(shift.get("until"), zone)
    unit = _UNITS.get(str(shift.get("frequency")))
    if until is not None and until <= now:
        export.note(where, "it has ended and is left out")
        return None
    if not people or start is None or begin is None or unit is None:
        export.note(where, f"nobody is in it, or it comes {shift.get('frequency')!r}, which has no place here")
        return None
    weekdays = [_DAYS.index(day) for day in shift.get("by_day") or [] if day in _DAYS]
    first = start
    if weekdays and unit is Unit.WEEKS:  # One person has all days of a week: they hand over when the week begins.
        week_start = _DAYS.index(shift["week_start"]) if shift.get("week_start") in _DAYS else 0
        local = start.astimezone(zone).replace(tzinfo=None, hour=0, minute=0, second=0)
        first = on_the_clock(local - timedelta(days=(local.weekday() - week_start) % 7), zone)
    elif weekdays:
        export.note(where, "people change with each day of the calendar, also with those that it leaves out")
    interval = int(shift.get("interval") or 1)
    ordered, starts_at = at_the_turn(people, first, unit, interval, max(begin, first), zone)
    windows = _windows(shift, start.astimezone(zone), unit, interval, weekdays)
    return ForeignLayer(str(shift.get("name") or "Shift"), ordered, unit, interval, starts_at, until, windows)


def _windows(
    shift: dict[str, Any], start: datetime, unit: Unit, interval: int, weekdays: list[int]
) -> list[dict[str, Any]]:
    length, minute = int(shift.get("duration") or 0) // 60, start.hour * 60 + start.minute
    if weekdays or (unit is Unit.DAYS and length < _DAY_MINUTES):
        return daily_windows(minute, length, weekdays)
    if unit is Unit.WEEKS and length < 7 * _DAY_MINUTES and (window := weekly_window(start.weekday(), minute, length)):
        return [window]
    return []


def _policy(name: str, policies: list[dict[str, Any]], export: Export) -> ForeignPolicy:
    subject, steps, wait, repeats = f"policy “{name}”", [], 0, 0
    for policy in policies:
        kind = str(policy.get("type"))
        if kind == "wait":
            wait += max(int(policy.get("duration") or 0) // 60, 1)
        elif kind == "repeat_escalation":
            repeats = _REPEATS
        elif targets := _targets(policy, kind, export, subject):
            steps.append(ForeignStep(wait, targets))
            wait = 0
        else:
            export.note(subject, f"the step “{kind}” has no place here and is left out")
    return ForeignPolicy(name, "", steps, repeats, max(wait, 5))


def _targets(policy: dict[str, Any], kind: str, export: Export, subject: str) -> list[tuple[str, str]]:
    if kind == "notify_on_call_from_schedule":
        schedule = policy.get("notify_on_call_from_schedule")
        return [("schedule", str(schedule))] if schedule else []
    if kind == "notify_person_next_each_time":
        export.note(subject, "a step told one person after the other; here it tells all of them")
        return [("user", str(each)) for each in policy.get("persons_to_notify_next_each_time") or []]
    if kind == "notify_persons":
        return [("user", str(each)) for each in policy.get("persons_to_notify") or []]
    return []
