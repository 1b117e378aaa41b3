"""PagerDuty: the answers of its REST API for users, schedules (with their layers) and escalation policies."""

from __future__ import annotations

from datetime import datetime
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
    turn_length,
    weekly_window,
    zone_name,
)
from incidents.moving_in.reading import Records

_KINDS = {"user": "user", "user_reference": "user", "schedule": "schedule", "schedule_reference": "schedule"}


def read(records: Records, now: datetime) -> Export:
    export = Export()
    users = records.get("users", [])
    export.people += [ForeignPerson(str(user["id"]), str(user.get("email", "")), _name(user)) for user in users]
    export.schedules += [_schedule(schedule, export, now) for schedule in records.get("schedules", [])]
    export.policies += [_policy(policy, export) for policy in records.get("escalation_policies", [])]
    return export


def _name(record: dict[str, Any]) -> str:
    return str(record.get("name") or record.get("summary") or record.get("id"))


def _schedule(schedule: dict[str, Any], export: Export, now: datetime) -> ForeignSchedule:
    name = _name(schedule)
    zone = ZoneInfo(zone_name(schedule.get("time_zone"), export, f"schedule “{name}”"))
    # The API answers with the layer that has priority first.
    found = [_layer(each, zone, export, f"schedule “{name}”", now) for each in schedule.get("schedule_layers") or []]
    layers = [layer for layer in found if layer is not None]
    overrides = []
    for entry in (schedule.get("overrides_subschedule") or {}).get("rendered_schedule_entries") or []:
        start, end = read_moment(entry.get("start"), zone), read_moment(entry.get("end"), zone)
        user = entry.get("user") or {}
        if start and end and end > now and user.get("id"):
            overrides.append(ForeignOverride(str(user["id"]), start, end))
    return ForeignSchedule(
        str(schedule["id"]), name, zone.key, str(schedule.get("description") or ""), layers, overrides
    )


def _layer(layer: dict[str, Any], zone: ZoneInfo, export: Export, where: str, now: datetime) -> ForeignLayer | None:
    subject = f"{where}, layer “{_name(layer)}”"
    people = [str((each.get("user") or each)["id"]) for each in layer.get("users") or []]
    start, end = read_moment(layer.get("start"), zone), read_moment(layer.get("end"), zone)
    first = read_moment(layer.get("rotation_virtual_start"), zone) or start
    if end is not None and end <= now:
        export.note(subject, "it has ended and is left out")
        return None
    turn = turn_length(int(layer.get("rotation_turn_length_seconds") or 0))
    if not people or first is None or start is None or turn is None:
        export.note(subject, "it has nobody in it, no beginning, or turns that are not whole hours; left out")
        return None
    ordered, begin = at_the_turn(people, first, *turn, max(start, first), zone)
    if begin < start and start > now:
        export.note(subject, f"it begins with a whole turn, at {begin:%Y-%m-%d %H:%M}, and not within one")
    windows = [window for each in layer.get("restrictions") or [] for window in _windows(each, export, subject)]
    return ForeignLayer(_name(layer), ordered, *turn, begin, end, windows)


def _windows(restriction: dict[str, Any], export: Export, subject: str) -> list[dict[str, Any]]:
    hours, minutes = (int(part) for part in str(restriction.get("start_time_of_day", "00:00")).split(":")[:2])
    start, length = hours * 60 + minutes, int(restriction.get("duration_seconds") or 0) // 60
    if restriction.get("type") == "weekly_restriction":
        window = weekly_window(int(restriction.get("start_day_of_week") or 1) - 1, start, length)
        return [window] if window else []
    if restriction.get("type") == "daily_restriction":
        return daily_windows(start, length)
    export.note(subject, f"the restriction {restriction.get('type')!r} is not known and left out")
    return []


def _policy(policy: dict[str, Any], export: Export) -> ForeignPolicy:
    """A rule's delay is the time until the next rule; here a step's delay is the time before it."""
    subject, steps, wait, last = f"policy “{_name(policy)}”", [], 0, 5
    for number, rule in enumerate(policy.get("escalation_rules") or [], start=1):
        targets = []
        for target in rule.get("targets") or []:
            if kind := _KINDS.get(str(target.get("type"))):
                targets.append((kind, str(target["id"])))
            else:
                export.note(subject, f"step {number} names a {target.get('type')}, which has no place here")
        if targets:
            steps.append(ForeignStep(wait, targets))
            wait = 0
        last = int(rule.get("escalation_delay_in_minutes") or 0)
        wait += last
    return ForeignPolicy(
        _name(policy), str(policy.get("description") or ""), steps, int(policy.get("num_loops") or 0), max(last, 1)
    )
