"""What the page says after something was done: one sentence, with an Undo where there is one."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest


def say(request: HttpRequest, text: str, *, undo_url: str = "") -> None:
    """Show `text` on the next page. With `undo_url` the notice has a button that posts there."""
    messages.success(request, text, extra_tags=undo_url)


def complain(request: HttpRequest, text: str) -> None:
    """Show that something was not done; `text` says what and what to do now."""
    messages.error(request, text)
