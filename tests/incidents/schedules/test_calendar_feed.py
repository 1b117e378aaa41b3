"""The iCalendar document, read back by an independent reader."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from incidents.schedules.calendar_feed import LONGEST_LINE_BYTES, CalendarEvent, calendar_document

START = datetime(2026, 11, 21, 8, tzinfo=UTC)
texts = st.text(st.characters(codec="utf-8", exclude_categories=("C",)) | st.just("\n"), min_size=1, max_size=200)


@given(name=texts, summary=texts)
def test_what_is_written_is_read(name: str, summary: str):
    event = CalendarEvent("one@example", START, START + timedelta(hours=8), summary)
    document = calendar_document(name, [event], made_at=START)
    assert all(len(line.encode()) <= LONGEST_LINE_BYTES for line in document.split("\r\n"))
    [read] = Calendar.from_ical(document).walk("VEVENT")
    kept = "".join(character for character in summary if character == "\n" or character.isprintable())
    assert (str(read["SUMMARY"]), read.start, read.end) == (kept, START, START + timedelta(hours=8))
