"""The keyset pages of incident lists, for the API and the portal."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request

from incident_center.kernel.api.pagination import KeysetPagination
from incidents.filters import ordering_of


class IncidentPagination(KeysetPagination):
    """In the order that the query string asks for."""

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        return (ordering_of(request.query_params), "-id")
