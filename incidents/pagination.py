"""The keyset pages of incident lists, for the API and the portal."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request

from incident_center.kernel.api.pagination import KeysetPagination


class IncidentPagination(KeysetPagination):
    """In an order from ``incidents.filters.ordering_of``."""

    def __init__(self, ordering: str) -> None:
        self.chosen_ordering = ordering

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        return (self.chosen_ordering, "-id")
