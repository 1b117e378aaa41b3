"""“Why did this (not) page me?”: what was decided about an incident, and what became of each message."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from incidents.models import Decision, Incident, Stage
from incidents.selectors import decisions, incident_by_reference
from notifications import selectors
from notifications.models import Delivery, Notification
from notifications.recipients import RESPONDERS
from organizations.access import Action
from organizations.portal.base import PortalView

MOST_SHOWN = 500
STAGE_WORDS = {
    Stage.INTAKE: "Coming in",
    Stage.DETECTION: "Detection",
    Stage.SILENCE: "Silences and maintenance",
    Stage.STORM: "Storms",
    Stage.ESCALATION: "Escalation",
    Stage.ROUTE: "Routes",
    Stage.CONTACT: "People and their contacts",
}


class WhyView(PortalView):
    actions = {"GET": Action.READ_INCIDENTS}

    def get(self, request: HttpRequest, reference: str) -> HttpResponse:
        incident = incident_by_reference(self.member, reference)
        rows = list(decisions(incident)[:MOST_SHOWN])
        stages = [
            {"name": words, "rows": [row for row in rows if row.stage == stage]} for stage, words in STAGE_WORDS.items()
        ]
        context = {
            "incident": incident,
            "stages": [stage for stage in stages if stage["rows"]],
            "mine": self._mine(incident, rows),
            "deliveries": list(selectors.deliveries().filter(incident=incident)[:100])
            if self.member.can(Action.READ_CONFIGURATION)
            else [],
        }
        return render(request, "notifications/why.html", context)

    def _mine(self, incident: Incident, rows: list[Decision]) -> dict[str, Any]:
        """What happened to the person who looks, in sentences."""
        user = self.member.user
        own = [row for row in rows if row.subject == f"user:{user.pk}"]
        inbox = Notification.objects.filter(incident=incident, user=user).order_by("id").first()
        sent = Delivery.objects.filter(incident=incident, contact__user=user)
        messages = list(sent.select_related("contact__user").defer("contact__address", "payload").order_by("id"))
        reason = ""
        if not own and inbox is None:
            muted = [row.reason for row in rows if row.stage == Stage.SILENCE and row.outcome == "muted"]
            reason = muted[-1] if muted else "No route, escalation step or rule named you for this incident."
            if self.member.role not in RESPONDERS:
                reason = f"Your role ({self.member.role.label}) is not told of alarms. {reason}"
        return {"decisions": own, "inbox": inbox, "messages": messages, "reason": reason}
