"""How much time an incident has left, as every page shows it."""

from __future__ import annotations

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from incident_center.kernel.templatetags.presentation import countdown, icon
from incidents.models import Incident, SlaClock
from incidents.sla.targets import minutes_in_words

register = template.Library()
_UNTIL = {SlaClock.Kind.RESPONSE: "to respond", SlaClock.Kind.RESOLUTION: "to resolve"}


@register.simple_tag
def sla_left(incident: Incident) -> SafeString | str:
    """Counts down to what is due next, and says what that is; nothing where nothing runs.

    Reads ``incident.sla_clocks``, which lists prefetch.
    """
    clocks = list(incident.sla_clocks.all())
    running = [clock for clock in clocks if clock.state == SlaClock.State.RUNNING and clock.due_at is not None]
    if running:
        first = min(running, key=lambda clock: clock.due_at or timezone.now())
        until = _UNTIL.get(SlaClock.Kind(first.kind), f"for “{first.name}”")
        return format_html('{} <span class="muted">{}</span>', countdown(first.due_at), until)
    if any(clock.state == SlaClock.State.PAUSED for clock in clocks):
        return format_html('<span class="muted">{} paused</span>', icon("pause"))
    return ""


@register.filter
def target_in_words(clock: SlaClock) -> str:
    """The clock's target: "15 min", "1 d 4 h"."""
    return minutes_in_words(clock.target_seconds // 60) or "less than a minute"


@register.filter
def duration_in_words(minutes: int | str | None) -> str:
    """A target of a policy in words; a dash where it promises nothing (what is not there is "" in templates)."""
    return minutes_in_words(minutes) if isinstance(minutes, int) else "—"


@register.filter
def left_of(clock: SlaClock) -> str:
    """What is left of a paused clock."""
    seconds = clock.clock.remaining(timezone.now()).total_seconds()
    return minutes_in_words(max(0, int(seconds)) // 60) or "less than a minute"
