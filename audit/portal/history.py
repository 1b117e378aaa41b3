"""Where an object's history is: the audit page, narrowed down to it."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from organizations.access import Action
from organizations.members import Member


def history_address(request: HttpRequest, table: str, object_id: str) -> str:
    member = getattr(request, "member", None)
    if not isinstance(member, Member) or not member.can(Action.READ_AUDIT):
        return ""
    return f"{reverse('audit:audit')}?{urlencode({'table': table, 'object': object_id})}"
