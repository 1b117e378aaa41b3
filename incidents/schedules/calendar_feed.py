"""Shifts as an iCalendar document (RFC 5545), for calendar programs that subscribe to an address. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

PRODUCT = "-//Incident Center//On-call schedule//EN"
#: How often a program should look again (RFC 7986; the second name is Microsoft's and Google's).
REFRESH = "PT1H"
LONGEST_LINE_BYTES = 75
_ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": None})


@dataclass(frozen=True)
class CalendarEvent:
    """One event. ``identifier`` stays the same as long as it is the same shift."""

    identifier: str
    start: datetime
    end: datetime
    summary: str
    description: str = ""


def calendar_document(name: str, events: Iterable[CalendarEvent], *, made_at: datetime) -> str:
    """The whole document, with the line ends that the standard asks for."""
    return "".join(f"{folded(line)}\r\n" for line in _lines(name, events, made_at))


def _lines(name: str, events: Iterable[CalendarEvent], made_at: datetime) -> Iterator[str]:
    yield from ("BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{PRODUCT}", "CALSCALE:GREGORIAN", "METHOD:PUBLISH")
    yield f"NAME:{escaped(name)}"
    yield f"X-WR-CALNAME:{escaped(name)}"
    yield f"REFRESH-INTERVAL;VALUE=DURATION:{REFRESH}"
    yield f"X-PUBLISHED-TTL:{REFRESH}"
    for event in events:
        yield "BEGIN:VEVENT"
        yield f"UID:{event.identifier}"
        yield f"DTSTAMP:{_moment(made_at)}"
        yield f"DTSTART:{_moment(event.start)}"
        yield f"DTEND:{_moment(event.end)}"
        yield f"SUMMARY:{escaped(event.summary)}"
        if event.description:
            yield f"DESCRIPTION:{escaped(event.description)}"
        yield "TRANSP:TRANSPARENT"  # Being on call does not make a person busy.
        yield "END:VEVENT"
    yield "END:VCALENDAR"


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def escaped(text: str) -> str:
    """A value of type TEXT. Other control characters have no place in the format and are left out."""
    kept = "".join(character for character in text if character in "\n\t" or character.isprintable())
    return kept.translate(_ESCAPES)


def folded(line: str) -> str:
    """The line in pieces of at most 75 bytes, none of which cuts a character."""
    pieces, piece, size = [], "", 0
    for character in line:
        width = len(character.encode())
        if size + width > LONGEST_LINE_BYTES:
            pieces.append(piece)
            piece, size = " ", 1
        piece, size = piece + character, size + width
    return "\r\n".join([*pieces, piece])
