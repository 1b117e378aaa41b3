"""The record, for owners and auditors."""

from __future__ import annotations

import json
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from rest_framework.request import Request

from audit import messages, selectors
from audit.actions.access_record import access_record
from audit.actions.verification_request import verification_request
from audit.models import AccessKind, AuditEntry, AuditVerification
from audit.portal.forms import AuditFilterForm
from incident_center.kernel.api.pagination import KeysetPagination
from organizations.access import Action
from organizations.portal.base import PortalView


class NewestFirst(KeysetPagination):
    ordering = ("-at", "-position")


class AuditPageView(PortalView):
    """Who did what to what, newest first, with before and after on demand."""

    actions = {"GET": Action.READ_AUDIT}

    def get(self, request: HttpRequest) -> HttpResponse:
        form = AuditFilterForm(request.GET)
        found = selectors.entries(**self._wanted(form)) if form.is_valid() else selectors.entries()
        paginator = NewestFirst()
        page = paginator.paginate_queryset(found, Request(request), None)
        looked_for = {name: value for name, value in request.GET.items() if name in form.fields and value}
        access_record(actor=self.member.actor, kind=AccessKind.READ, subject="the audit log", filters=looked_for)
        names = selectors.names_for(page)
        rows = [
            {
                "sentence": messages.message(entry, names),
                "at": entry.at,
                "changes": _shown_changes(entry),
            }
            for entry in page
        ]
        context = {
            "form": form,
            "history_of": self._history_of(form),
            "carried": [("object", form["object"].value())] if form["object"].value() else [],
            **chain_context(),
            "rows": rows,
            "previous_url": paginator.get_previous_link(),
            "next_url": paginator.get_next_link(),
        }
        return render(request, "audit/audit.html", context, status=200 if form.is_valid() else 400)

    def _history_of(self, form: AuditFilterForm) -> str:
        """What the one object is called whose history the page shows; "" where it shows more."""
        table, object_id = form["table"].value() or "", form["object"].value() or ""
        return selectors.object_name(table, object_id) if object_id else ""

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


#: On every row of the table, and no news to anyone.
UNSHOWN = frozenset({"id", "organization_id"})


def _shown_changes(entry: AuditEntry) -> list[dict[str, Any]]:
    """Before and after, with the documents among them as JSON."""
    return [
        {"field": field.replace("_", " "), **{side: _as_text(value) for side, value in change.items()}}
        for field, change in messages.changes(entry).items()
        if field not in UNSHOWN
    ]


def _as_text(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def chain_context() -> dict[str, Any]:
    """What the page says about the chain: its last seal, the last verification, and one that is under way."""
    verification = selectors.last_verification()
    return {
        "seal": selectors.last_seal(),
        "under_way": selectors.verification_under_way(),
        "verification": verification,
        "faulty_entry": _faulty_entry(verification),
    }


def _faulty_entry(verification: AuditVerification | None) -> dict[str, Any] | None:
    """The first entry that does not hold, as it reads now, where it is still there."""
    fault = verification.first_invalid if verification else None
    entry = selectors.entry_of(fault["entry"]) if fault and fault["entry"] else None
    if entry is None:
        return None
    return {"at": entry.at, "sentence": messages.message(entry, selectors.names_for([entry]))}


class VerificationStep(PortalView):
    """POST asks for a verification; GET is the part of the page that says how it goes, fetched again each second."""

    actions = {"GET": Action.READ_AUDIT, "POST": Action.READ_AUDIT}

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "audit/_chain.html", chain_context())

    def post(self, request: HttpRequest) -> HttpResponse:
        verification_request(actor=self.member.actor)
        return redirect("audit:audit")
