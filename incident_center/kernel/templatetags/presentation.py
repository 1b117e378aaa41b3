"""Small things that every page shows the same way: icons, times, severities, statuses, numbers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from incident_center.kernel.request_id import current_request_id

register = template.Library()

ICON_SPRITE = "vendor/lucide-static-1.62.0/icons.svg"
MARK_SPRITE = "incident_center/marks.svg"

SEVERITIES = ("critical", "high", "medium", "low")
STATUSES = ("open", "investigating", "mitigated", "resolved")
NOT_KNOWN = "—"


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Draw an icon by its name in the sprite (script/vendor_assets lists them).

    Without `label` it is decoration beside a word; with it, it stands alone and `label` is read out.
    """
    address = f"{static(ICON_SPRITE)}#{name}"
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>', label, address)
    return format_html('<svg class="icon" aria-hidden="true" focusable="false"><use href="{}"/></svg>', address)


@register.simple_tag
def mark(name: str, css_class: str = "shape") -> SafeString:
    """Draw one of our own shapes (severity, status, brand); always beside the word that it stands for."""
    return format_html(
        '<svg class="{}" aria-hidden="true" focusable="false"><use href="{}"/></svg>',
        css_class,
        f"{static(MARK_SPRITE)}#{name}",
    )


@register.simple_tag
def request_id() -> str:
    """The id of the request being answered; unlike a context variable, there on an error page as well."""
    return current_request_id()


@register.simple_tag
def relative_time(moment: datetime | None, missing: str = NOT_KNOWN) -> SafeString | str:
    """Say when, relative to now ("4 min ago"); the exact time comes on hover and focus, in the reader's zone.

    time.js keeps the words fresh. Without it the title still has the exact time in UTC.
    """
    if moment is None:
        return missing
    return format_html(
        '<time datetime="{}" title="{}" tabindex="0" data-relative>{}</time>',
        moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        _exact(moment),
        _relative_words(moment, timezone.now()),
    )


@register.simple_tag
def exact_time(moment: datetime | None, precision: str = "second", missing: str = NOT_KNOWN) -> SafeString | str:
    """Say when, exactly, in the reader's zone (time.js; before it runs, in UTC).

    `precision` is "millisecond", "second", "minute", or "time" for the time of day alone.
    """
    if moment is None:
        return missing
    return format_html(
        '<time datetime="{}" data-exact="{}">{}</time>',
        moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        precision,
        _exact(moment),
    )


@register.simple_tag
def countdown(moment: datetime | None, missing: str = NOT_KNOWN) -> SafeString | str:
    """Say how much time is left until then ("12 min left"), or by how much it is over; time.js counts on."""
    if moment is None:
        return missing
    left = (moment - timezone.now()).total_seconds()
    return format_html(
        '<time datetime="{}" title="{}" tabindex="0" class="nowrap{}" data-countdown>{} {}</time>',
        moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        _exact(moment),
        "" if left >= 0 else " text-danger-strong",
        short_duration(abs(left)),
        "left" if left >= 0 else "over",
    )


def _exact(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _relative_words(moment: datetime, now: datetime) -> str:
    """Return "just now", "4 min ago" or "in 3 h"; the same words as time.js."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < 10:
        return "just now"
    words = short_duration(abs(seconds))
    return f"{words} ago" if seconds > 0 else f"in {words}"


@register.filter
def short_duration(value: timedelta | float | None) -> str:
    """Name a span by its largest unit: "45 s", "4 min", "3 h", "2 d". A number is in seconds."""
    if value is None:
        return NOT_KNOWN
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 60:
        return f"{int(seconds)} s"
    if seconds < 3_600:
        return f"{int(seconds // 60)} min"
    if seconds < 86_400:
        return f"{int(seconds // 3_600)} h"
    return f"{int(seconds // 86_400)} d"


@register.filter
def long_duration(value: timedelta | float | None) -> str:
    """Name a span by its two largest units: "4 min 12 s", "3 h 5 min", "2 d 4 h". A number is in seconds."""
    if value is None:
        return NOT_KNOWN
    seconds = round(value.total_seconds() if isinstance(value, timedelta) else float(value))
    for size, unit, next_size, next_unit in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if seconds >= size:
            rest = seconds % size // next_size
            return f"{seconds // size} {unit} {rest} {next_unit}" if rest else f"{seconds // size} {unit}"
    return f"{seconds} s"


@register.filter
def number(value: int | float | None) -> str:
    """Write a number with thin spaces between thousands: 12 345 678. Not-known is a dash."""
    if value is None:
        return NOT_KNOWN
    written = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
    return written.replace(",", "\N{NARROW NO-BREAK SPACE}")


@register.filter
def compact_number(value: int | None) -> str:
    """Write a count in three figures for a tile or a counter: 950, 12.3 k, 4.5 M."""
    if value is None:
        return NOT_KNOWN
    for least, size, unit in (
        (1_000_000_000, 1_000_000_000, "G"),
        (1_000_000, 1_000_000, "M"),
        (10_000, 1_000, "k"),
    ):
        if value >= least:
            figures = f"{value / size:.3g}" if value < 999.5 * size else f"{value / size:.0f}"
            return f"{figures} {unit}"
    return number(value)


@register.filter
def pairs(mapping: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Of what a sender wrote, in which ``mapping.items`` would be the value of a key “items”."""
    return list(mapping.items())


@register.filter
def initials(name: str) -> str:
    """Two letters for a person's mark: "Ada Lovelace" → "AL"; an e-mail address gives its first letter."""
    words = [word for word in name.replace("@", " ").replace(".", " ").split() if word]
    if not words:
        return "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 and "@" not in name else "")).upper()


@register.simple_tag
def severity(value: str, pill: bool = False) -> SafeString:
    """Show a severity by shape, word and colour. `pill` gives it a tinted ground (headers, not lists)."""
    return format_html(
        '<span class="severity severity-{}{}">{}{}</span>',
        value,
        " severity-pill" if pill else "",
        mark(f"severity-{value}"),
        value.capitalize(),
    )


@register.simple_tag
def status(value: str) -> SafeString:
    """Show an incident's status by shape, word and colour."""
    return format_html('<span class="status status-{}">{}{}</span>', value, mark(f"status-{value}"), value.capitalize())


class Step(NamedTuple):
    """One place on the stepper. `state` is done, skipped, current or ahead."""

    name: str
    state: str
    at: datetime | None


@register.inclusion_tag("components/status_stepper.html")
def status_stepper(
    current: str,
    opened_at: datetime | None = None,
    acknowledged_at: datetime | None = None,
    mitigated_at: datetime | None = None,
    resolved_at: datetime | None = None,
) -> dict[str, Any]:
    """Show how far an incident has come, with the time of each step; a step without a time was skipped."""
    position = STATUSES.index(current)
    times = (opened_at, acknowledged_at, mitigated_at, resolved_at)
    steps = []
    for index, (name, at) in enumerate(zip(STATUSES, times, strict=True)):
        if index == position:
            state = "current"
        elif index > position:
            state, at = "ahead", None
        else:
            state = "done" if at else "skipped"
        steps.append(Step(name, state, at))
    return {"steps": steps}


@register.inclusion_tag("components/person.html")
def person(name: str, quiet: bool = False) -> dict[str, Any]:
    """Show who: a mark with initials and the name; `quiet` leaves the mark out."""
    return {"name": name, "quiet": quiet}


@register.filter
def words(name: str) -> str:
    """A name from the code as people write it: “not_told” as “not told”."""
    return name.replace("_", " ")
