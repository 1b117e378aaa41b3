"""Where an auditor begins: is the record intact, what changed, what can be taken along."""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from audit.portal.views import chain_context
from incidents.reports.assurance import visit
from organizations.access import Action
from organizations.portal.base import PortalView


class AssurancePage(PortalView):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_AUDIT}

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {"changes": visit(self.member.actor), **chain_context()}
        return render(request, "reports/assurance.html", context)
