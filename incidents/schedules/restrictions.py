"""Restrictions as people write them, read into windows.

``{"kind": "daily", "start": "20:00", "end": "08:00", "weekdays": ["monday", …]}`` opens on each day (or on those named)
and may reach past midnight; ``{"kind": "weekly", "start_weekday": "friday", "start": "18:00", "end_weekday": "monday",
"end": "08:00"}`` opens once a week.
"""

from __future__ import annotations

from datetime import time
from typing import Any

from incidents.schedules.wall_clock import DAY, HOUR, MINUTE, WEEK
from incidents.schedules.windows import Window

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MOST_RESTRICTIONS = 20
_FIELDS = {
    "daily": {"kind", "start", "end", "weekdays"},
    "weekly": {"kind", "start_weekday", "start", "end_weekday", "end"},
}


class FaultyRestriction(ValueError):
    """What is wrong, and where: ``field`` continues ``restrictions``, as in ``[0].start``."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


def read_weekday(value: Any) -> int:
    """0 for Monday, from its name in English, or from 0 to 6 itself.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 6:
        return value
    if isinstance(value, str) and value.strip().lower() in WEEKDAYS:
        return WEEKDAYS.index(value.strip().lower())
    raise ValueError(f"Write a weekday: {', '.join(WEEKDAYS)}.")


def read_time(value: Any) -> time:
    """A time of day to the minute from ``20:00`` (or ``20:00:00``).

    Raises:
        ValueError: it is not one.
    """
    try:
        found = time.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None or found.second or found.microsecond:
        raise ValueError("Write a time of day to the minute, such as 08:00.")
    return found


def read_restrictions(value: Any) -> list[dict[str, Any]]:
    """The restrictions in one form, as they are kept.

    Raises:
        FaultyRestriction: for the first that cannot be understood.
    """
    if not isinstance(value, list):
        raise FaultyRestriction("", "Write a list of windows.")
    if len(value) > MOST_RESTRICTIONS:
        raise FaultyRestriction("", f"At most {MOST_RESTRICTIONS} windows; those of single days can share one.")
    return [_read(index, entry) for index, entry in enumerate(value)]


def _read(index: int, entry: Any) -> dict[str, Any]:
    here = f"[{index}]"
    if not isinstance(entry, dict) or entry.get("kind") not in _FIELDS:
        raise FaultyRestriction(f"{here}.kind", "Write daily or weekly.")
    if unknown := sorted(str(name) for name in entry.keys() - _FIELDS[entry["kind"]]):
        raise FaultyRestriction(f"{here}.{unknown[0]}", f"A {entry['kind']} window has no such field.")
    start, end = (_field(here, name, read_time, entry.get(name)) for name in ("start", "end"))
    kept = {"kind": entry["kind"], "start": start.isoformat("minutes"), "end": end.isoformat("minutes")}
    if entry["kind"] == "daily":
        if start == end:
            raise FaultyRestriction(f"{here}.end", "The window closes when it opens; leave it out for the whole day.")
        days = entry.get("weekdays") or []
        if not isinstance(days, list):
            raise FaultyRestriction(f"{here}.weekdays", "Write a list of weekdays.")
        numbers = sorted({_field(here, "weekdays", read_weekday, day) for day in days})
        return {**kept, "weekdays": [WEEKDAYS[number] for number in numbers]}
    first, last = (_field(here, name, read_weekday, entry.get(name)) for name in ("start_weekday", "end_weekday"))
    if (first, start) == (last, end):
        raise FaultyRestriction(f"{here}.end", "The window closes when it opens; leave it out for the whole week.")
    return {**kept, "start_weekday": WEEKDAYS[first], "end_weekday": WEEKDAYS[last]}


def _field(here: str, name: str, read: Any, value: Any) -> Any:
    try:
        return read(value)
    except ValueError as error:
        raise FaultyRestriction(f"{here}.{name}", str(error)) from error


def windows_of(restrictions: list[dict[str, Any]]) -> tuple[Window, ...]:
    """The windows of restrictions that ``read_restrictions`` has read."""
    windows: list[Window] = []
    for entry in restrictions:
        start, end = _seconds(read_time(entry["start"])), _seconds(read_time(entry["end"]))
        if entry["kind"] == "daily":
            length = (end - start) % DAY
            days = [WEEKDAYS.index(day) for day in entry["weekdays"]] or range(7)
            windows += [Window(day * DAY + start, length) for day in days]
        else:
            opens = WEEKDAYS.index(entry["start_weekday"]) * DAY + start
            closes = WEEKDAYS.index(entry["end_weekday"]) * DAY + end
            windows.append(Window(opens, (closes - opens) % WEEK))
    return tuple(windows)


def _seconds(clock_time: time) -> int:
    return clock_time.hour * HOUR + clock_time.minute * MINUTE
