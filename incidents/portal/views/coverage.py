"""The page of the coverage check."""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from incidents.coverage.registry import run_checks
from organizations.access import Action
from organizations.portal.base import PortalView


class CoveragePage(PortalView):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_CONFIGURATION}

    def get(self, request: HttpRequest) -> HttpResponse:
        results = run_checks(timezone.now())
        context = {
            "failed": [result for result in results if result.findings],
            "passed": [result.check for result in results if not result.findings],
            "count": sum(len(result.findings) for result in results),
        }
        return render(request, "coverage/coverage.html", context)
