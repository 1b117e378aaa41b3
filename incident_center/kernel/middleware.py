"""What surrounds every request: an id, an empty scope to enter, and errors in the API's own form."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import cast

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from incident_center.kernel.api.problems import (
    is_api_path,
    problem_response,
    service_unavailable,
)
from incident_center.kernel.models import uuid7
from incident_center.kernel.request_id import set_request_id
from incident_center.kernel.scope import Scope, current_scope, no_scope, organization_scope

GetResponse = Callable[[HttpRequest], HttpResponseBase]
ACCEPTABLE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")

# The admin's and the API documentation's pages bring scripts of their own, which need more than the portal's policy.
ADMIN_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
DOCUMENTATION_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
    " frame-ancestors 'none'"
)


class RequestIdMiddleware:
    """Names each request, so that an error report, a log line and an answer can be brought together."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        offered = request.headers.get("X-Request-ID", "")
        request_id = offered if ACCEPTABLE_REQUEST_ID.match(offered) else str(uuid7())
        set_request_id(request_id)
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        if request.path.startswith("/admin"):
            response["Content-Security-Policy"] = ADMIN_POLICY
        elif request.path.startswith("/v1/docs"):
            response["Content-Security-Policy"] = DOCUMENTATION_POLICY
        return response


class ScopeMiddleware:
    """Opens an empty scope around each request, which authentication fills and which never outlives the request.

    A streamed answer is produced after the view has returned: each piece of it is made inside the scope that the
    view ended with.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with no_scope():
            response = self.get_response(request)
            scope = current_scope()
        if isinstance(response, StreamingHttpResponse) and not response.is_async and scope.organization_id is not None:
            pieces = cast(Iterable[bytes], response.streaming_content)
            response.streaming_content = _scoped_pieces(pieces, scope, scope.organization_id)
        return response


def _scoped_pieces(pieces: Iterable[bytes], scope: Scope, organization_id: int) -> Iterator[bytes]:
    iterator = iter(pieces)
    while True:
        with organization_scope(organization_id, actor=scope.actor):
            try:
                piece = next(iterator)
            except StopIteration:
                return
        yield piece


class ProblemMiddleware:
    """The last word on errors under the API's paths: never an HTML page, never a bare 500."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not is_api_path(request.path) or response.status_code < 400:
            return response
        # What is of no text type is an answer in a protocol's own form: OTLP's errors are protobuf.
        if isinstance(response, HttpResponse) and response.get("Content-Type", "text/").startswith("text/"):
            headers = {name: value for name, value in response.items() if name in ("Allow", "Retry-After")}
            return problem_response(response.status_code, headers=headers)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, OperationalError | InterfaceError) and is_api_path(request.path):
            return service_unavailable()
        return None
