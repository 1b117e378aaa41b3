"""How a report writes moments and durations, and makes room in narrow columns."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

#: Longer runs without a space may break anywhere.
LONGEST_RUN = 24
_RUN = re.compile(rf"\S{{{LONGEST_RUN}}}(?=\S)")
_ZERO_WIDTH_SPACE = "\N{ZERO WIDTH SPACE}"


def minute(moment: datetime | None) -> str:
    """UTC, which the page says."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if moment else ""


def second(moment: datetime | None) -> str:
    """UTC, which the page says."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def in_words(day: date) -> str:
    """``2 November 2026``."""
    return f"{day.day} {day:%B %Y}"


def duration(value: timedelta | None) -> str:
    """The two largest units: ``2 d 4 h``, ``35 min``, ``12 s``; ``–`` where there is none."""
    if value is None:
        return "–"
    seconds = round(value.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60 % 60, seconds // 3600 % 24, seconds // 86_400
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"


def breakable(text: str) -> str:
    """The text, with places to break in runs that would not fit into a column."""
    return _RUN.sub(lambda run: run.group() + _ZERO_WIDTH_SPACE, text)
