"""Opsgenie: the answers of its API, or the folders of its configuration backup (users, schedules, escalations)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from incidents.moving_in.neutral import (
    Export,
    ForeignLayer,
    ForeignPerson,
    ForeignPolicy,
    ForeignSchedule,
    ForeignStep,
    at_the_turn,
    clock_time,
    daily_windows,
    read_moment,
    zone_name,
)
from incidents.moving_in.reading import Records
from incidents.schedules.restrictions import WEEKDAYS
from incidents.schedules.rotation import Unit

_UNITS = {"hourly": Unit.HOURS, "daily": Unit.DAYS, "weekly": Unit.WEEKS}
_MINUTES = {"minutes": 1, "hours": 60, "days": 24 * 60}


def read(records: Records, now: datetime) -> Export:
    export = Export()
    for user in records.get("users", []):
        email = str(user.get("username") or "")
        export.people.append(ForeignPerson(str(user.get("id") or email), email, str(user.get("fullName") or email)))
    by_email = {person.email.lower(): person.key for person in export.people}
    for schedule in records.get("schedules", []):
        if schedule.get("enabled") is False:
            export.note(f"schedule “{schedule.get('name')}”", "it is switched off and left out")
        else:
            export.schedules.append(_schedule(schedule, export, by_email, now))
    for escalation in records.get("escalations", []):
        export.policies.append(_policy(escalation, export, by_email))
    return export


def _schedule(schedule: dict[str, Any], export: Export, by_email: dict[str, str], now: datetime) -> ForeignSchedule:
    name = str(schedule["name"])
    subject = f"schedule “{name}”"
    zone = ZoneInfo(zone_name(schedule.get("timezone"), export, subject))
    rotations = schedule.get("rotations") or []
    layers = [
        layer for rotation in rotations if (layer := _layer(rotation, zone, export, subject, by_email, now)) is not None
    ]
    if len(layers) > 1:
        export.note(
            subject,
            "several rotations were on call at once where they overlap; here the first has priority. Move one into a"
            " schedule of its own where both are to be told",
        )
    return ForeignSchedule(str(schedule["id"]), name, zone.key, str(schedule.get("description") or ""), layers)


def _layer(
    rotation: dict[str, Any],
    zone: ZoneInfo,
    export: Export,
    where: str,
    by_email: dict[str, str],
    now: datetime,
) -> ForeignLayer | None:
    name = str(rotation.get("name") or "Rotation")
    subject = f"{where}, rotation “{name}”"
    people = []
    for participant in rotation.get("participants") or []:
        if participant.get("type") == "user":
            people.append(_person(participant, by_email))
        else:
            export.note(subject, f"a turn of a {participant.get('type')} has no place here and is left out")
    start, end = read_moment(rotation.get("startDate"), zone), read_moment(rotation.get("endDate"), zone)
    unit = _UNITS.get(str(rotation.get("type")))
    if end is not None and end <= now:
        export.note(subject, "it has ended and is left out")
        return None
    if not people or start is None or unit is None:
        export.note(subject, "it has nobody in it, or no beginning; left out")
        return None
    interval = int(rotation.get("length") or 1)
    ordered, begin = at_the_turn(people, start, unit, interval, start, zone)
    return ForeignLayer(name, ordered, unit, interval, begin, end, _windows(rotation.get("timeRestriction")))


def _person(record: dict[str, Any], by_email: dict[str, str]) -> str:
    username = str(record.get("username") or record.get("name") or "").lower()
    return str(record.get("id") or by_email.get(username, username))


def _windows(restriction: dict[str, Any] | None) -> list[dict[str, Any]]:
    if not restriction:
        return []
    if restriction.get("type") == "time-of-day":
        each = restriction.get("restriction") or (restriction.get("restrictions") or [{}])[0]
        start, end = _minutes(each, "start"), _minutes(each, "end")
        return daily_windows(start, (end - start) % (24 * 60) or 24 * 60)
    return [
        {
            "kind": "weekly",
            "start_weekday": str(each["startDay"]).lower(),
            "start": clock_time(_minutes(each, "start")),
            "end_weekday": str(each["endDay"]).lower(),
            "end": clock_time(_minutes(each, "end")),
        }
        for each in restriction.get("restrictions") or []
        if str(each.get("startDay")).lower() in WEEKDAYS and str(each.get("endDay")).lower() in WEEKDAYS
    ]


def _minutes(restriction: dict[str, Any], edge: str) -> int:
    return int(restriction.get(f"{edge}Hour") or 0) * 60 + int(restriction.get(f"{edge}Min") or 0)


def _policy(escalation: dict[str, Any], export: Export, by_email: dict[str, str]) -> ForeignPolicy:
    """A rule's delay counts from the alert; here a step's counts from the step before."""
    name = str(escalation["name"])
    subject = f"policy “{name}”"
    by_delay: dict[int, list[tuple[str, str]]] = {}
    for rule in escalation.get("rules") or []:
        delay = rule.get("delay") or {}
        minutes = int(delay.get("timeAmount") or 0) * _MINUTES.get(str(delay.get("timeUnit") or "minutes"), 1)
        recipient = rule.get("recipient") or {}
        if (target := _target(recipient, by_email)) is None:
            export.note(subject, f"a rule that tells a {recipient.get('type')} has no place here")
            continue
        if rule.get("condition") == "if-not-closed":
            export.note(subject, f"the rule after {minutes} min goes on past an acknowledgement; here that stops it")
        if rule.get("notifyType") not in (None, "default"):
            export.note(subject, f"the rule after {minutes} min tells {rule['notifyType']}; here whoever is on call")
        by_delay.setdefault(minutes, []).append(target)
    steps, before = [], 0
    for minutes in sorted(by_delay):
        steps.append(ForeignStep(minutes - before, by_delay[minutes]))
        before = minutes
    repeat = escalation.get("repeat") or {}
    return ForeignPolicy(
        name,
        str(escalation.get("description") or ""),
        steps,
        int(repeat.get("count") or 0),
        max(int(repeat.get("waitInterval") or 0), 1),
    )


def _target(recipient: dict[str, Any], by_email: dict[str, str]) -> tuple[str, str] | None:
    kind = str(recipient.get("type"))
    if kind == "user":
        return kind, _person(recipient, by_email)
    if kind == "schedule":
        return kind, str(recipient.get("id"))
    return (kind, str(recipient["name"])) if kind == "team" and recipient.get("name") else None
