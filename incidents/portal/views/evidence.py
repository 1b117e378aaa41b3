"""The button that downloads an incident's evidence."""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpRequest, HttpResponse

from incidents import selectors
from incidents.actions.evidence_export import evidence_export
from organizations.access import Action
from organizations.portal.base import PortalView


class EvidenceDownload(PortalView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.READ_AUDIT}

    def post(self, request: HttpRequest, reference: str) -> HttpResponse:
        incident = selectors.incident_by_reference(self.member, reference)
        archive = evidence_export(incident=incident, actor=self.member.actor, made_by=self.member.user.name)
        headers = {"Content-Disposition": f'attachment; filename="evidence-{incident.reference}.zip"'}
        return HttpResponse(archive, content_type="application/zip", headers=headers)
