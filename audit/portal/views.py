"""The record, for owners and auditors."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.request import Request

from audit import messages, selectors
from audit.portal.forms import AuditFilterForm
from incident_center.kernel.api.pagination import KeysetPagination
from organizations.access import Action
from organizations.portal.base import PortalView


class NewestFirst(KeysetPagination):
    ordering = "-position"


class AuditPageView(PortalView):
    """Who did what to what, newest first, with before and after on demand."""

    actions = {"GET": Action.READ_AUDIT}

    def get(self, request: HttpRequest) -> HttpResponse:
        form = AuditFilterForm(request.GET)
        found = selectors.entries(**self._wanted(form)) if form.is_valid() else selectors.entries()
        paginator = NewestFirst()
        page = paginator.paginate_queryset(found, Request(request), None)
        names = selectors.names_for(page)
        rows = [
            {
                "sentence": messages.message(entry, names),
                "at": entry.at,
                "changes": [{"field": field, **change} for field, change in messages.changes(entry).items()],
            }
            for entry in page
        ]
        context = {
            "form": form,
            "rows": rows,
            "previous_url": paginator.get_previous_link(),
            "next_url": paginator.get_next_link(),
        }
        return render(request, "audit/audit.html", context, status=200 if form.is_valid() else 400)

    def _wanted(self, form: AuditFilterForm) -> dict[str, Any]:
        """The filter's days are days in the organization's time zone; the last one is included."""
        zone = ZoneInfo(self.member.organization.timezone)
        data = form.cleaned_data
        since, until = data["since"], data["until"]
        return {
            "actor": data["actor"],
            "table": data["table"],
            "operation": data["operation"],
            "object_id": data["object"],
            "since": datetime.combine(since, time.min, zone) if since else None,
            "until": datetime.combine(until + timedelta(days=1), time.min, zone) if until else None,
        }
