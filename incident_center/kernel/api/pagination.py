"""Lists are read by key, not by offset: page 5,000 costs what page 1 costs, and new rows shift nothing."""

from __future__ import annotations

from rest_framework.pagination import CursorPagination


class KeysetPagination(CursorPagination):
    """``{"results", "next", "previous"}``; ``page_size`` up to 200. Views set ``ordering``, newest first by default."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering: str | tuple[str, ...] = "-id"  # type: ignore[assignment]
