"""Django's error handlers: problem documents under the API's addresses, the product's own pages elsewhere."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from incident_center.kernel.api.problems import is_api_path, problem_response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem_response(400) if is_api_path(request.path) else defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem_response(403) if is_api_path(request.path) else defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem_response(404) if is_api_path(request.path) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    return problem_response(500) if is_api_path(request.path) else defaults.server_error(request)
