"""Django's error handlers: problem documents under the API's addresses, the product's own pages elsewhere."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views import defaults

from incident_center.kernel.api.problems import (
    DATABASE_RETRY_SECONDS,
    is_api_path,
    problem_response,
    service_unavailable,
)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem_response(400) if is_api_path(request.path) else defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem_response(403) if is_api_path(request.path) else defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem_response(404) if is_api_path(request.path) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Errors of our own are 500; a database that is away is 503, wherever on the request's way it was missed."""
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        connection.close()
        if is_api_path(request.path):
            return service_unavailable()
        page = render_to_string("503.html")
        return HttpResponse(page, status=503, headers={"Retry-After": str(DATABASE_RETRY_SECONDS)})
    return problem_response(500) if is_api_path(request.path) else defaults.server_error(request)
