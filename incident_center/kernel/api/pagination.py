"""Lists are read by key, not by offset: page 5,000 costs what page 1 costs, and new rows shift nothing."""

from __future__ import annotations

from typing import Any

from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.views import APIView


class KeysetPagination(CursorPagination):
    """``{"results", "next", "previous"}``; ``page_size`` up to 200. Views set ``ordering``, newest first by default."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering: str | tuple[str, ...] = "-id"  # type: ignore[assignment]

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> Any:
        """The rows of the page that the request asks for."""
        return super().paginate_queryset(queryset, request, view) or []
