"""One keyset page of a list, for a template."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from incident_center.kernel.api.pagination import KeysetPagination
from incident_center.kernel.api.problems import NotFound


def keyset_page(rows: QuerySet[Any], request: HttpRequest, *, ordering: str = "-id", size: int = 50) -> dict[str, Any]:
    """``rows``, ``previous_url`` and ``next_url``.

    Raises:
        NotFound: the address names a place that does not exist.
    """
    paginator = KeysetPagination()
    paginator.ordering = ordering
    paginator.page_size = size
    try:
        found = list(paginator.paginate_queryset(rows, Request(request)))
    except APIException as error:
        raise NotFound("This part of the list does not exist any more; go back to its beginning.") from error
    return {"rows": found, "previous_url": paginator.get_previous_link(), "next_url": paginator.get_next_link()}
