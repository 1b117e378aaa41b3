"""``POST /v1/incidents/{id}/evidence``: the signed archive."""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework.request import Request

from incidents.actions.evidence_export import evidence_export
from incidents.api.views import TAGS, IncidentView
from organizations.access import Action


class EvidenceView(IncidentView):
    """A ZIP archive: incident, timeline, logs, audit entries with their proofs, manifest, signature, verifier.

    ``python3 verify.py ARCHIVE.zip`` verifies it, with the script inside and nothing else.
    """

    actions = {"POST": Action.READ_AUDIT}
    keeps_answers: ClassVar[bool] = False

    @extend_schema(request=None, responses={(200, "application/zip"): OpenApiTypes.BINARY}, tags=TAGS)
    def post(self, request: Request, reference: str) -> HttpResponse:
        incident = self.incident(reference)
        archive = evidence_export(incident=incident, actor=self.member.actor, made_by=self.member.user.name)
        headers = {"Content-Disposition": f'attachment; filename="evidence-{incident.reference}.zip"'}
        return HttpResponse(archive, content_type="application/zip", headers=headers)
