"""The five levels of a log entry, as numbers that compare."""

from __future__ import annotations

from enum import IntEnum


class Level(IntEnum):
    """Stored as a smallint; the gaps leave room, and ``level >= ERROR`` is one comparison."""

    DEBUG = 10
    INFO = 20
    WARN = 30
    ERROR = 40
    FATAL = 50


#: The names that senders use beside the five: Python's logging says WARNING and CRITICAL.
ALIASES = {"WARNING": Level.WARN, "CRITICAL": Level.FATAL}
NAMES = ", ".join(level.name for level in Level)


def _spellings() -> dict[str, int]:
    """Every usual spelling, so that the hot path needs one look-up and no upper-casing."""
    names = {level.name: int(level) for level in Level} | {name: int(level) for name, level in ALIASES.items()}
    return {spelling: value for name, value in names.items() for spelling in (name, name.lower(), name.capitalize())}


SPELLINGS = _spellings()


def parse_level(text: str) -> Level:
    """The level named by ``text`` in any case.

    Raises:
        ValueError: no level is called that.
    """
    value = SPELLINGS.get(text) or SPELLINGS.get(text.strip().upper())
    if value is None:
        raise ValueError(f"{text[:40]!r} is not a level; expected one of {NAMES}, WARNING or CRITICAL")
    return Level(value)
