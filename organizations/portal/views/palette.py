"""What the command palette finds."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse

from incident_center.kernel.portal.palette import search
from organizations.access import Action
from organizations.portal.base import PortalView


class PaletteView(PortalView):
    """JSON, for the page's own script."""

    actions = {"GET": Action.OWN_ACCOUNT}

    def get(self, request: HttpRequest) -> JsonResponse:
        return JsonResponse(search(request, request.GET.get("q", "")[:200]))
