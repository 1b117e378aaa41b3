"""Errors as RFC 9457 problem details: what is wrong, where, and what would be right."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, InterfaceError, OperationalError, connection
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.response import Response

from incident_center.kernel.request_id import current_request_id

logger = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"
API_PREFIXES = ("/v1/", "/v2/", "/api/v2/", "/healthz", "/readyz", "/metrics")
DATABASE_RETRY_SECONDS = 5
DETAILS = {
    400: "The request could not be understood.",
    401: "Send a valid credential: 'Authorization: Bearer <access token>' for people, 'X-API-Key' for services.",
    403: "This credential may not do this.",
    404: "There is nothing here that this credential can see.",
    405: "This address does not take this method.",
    413: "The body is too large.",
    415: "The body's type is not one that this address reads.",
    429: "Too many requests; wait as Retry-After says.",
    500: "The server met an error of its own. It is in the server's log under this request_id.",
    503: "The service is away for a moment. Try again as Retry-After says.",
}


class Problem(Exception):
    """An expected refusal; the base of the errors that actions raise.

    Actions know nothing of HTTP but this mapping: a status, a sentence, and members that say more.
    """

    status = 400

    def __init__(self, detail: str, **members: Any) -> None:
        self.detail = detail
        self.members = members
        super().__init__(detail)


class InvalidInput(Problem):
    """Bad input: ``errors`` is a list of ``{"field", "message"}``."""

    status = 400

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, errors=[{"field": field, "message": message}])


class Forbidden(Problem):
    """The role may not do this to this object."""

    status = 403


class NotFound(Problem):
    """Absent, or of another organization: nothing tells which."""

    status = 404

    def __init__(self, detail: str = DETAILS[404]) -> None:
        super().__init__(detail)


class Conflict(Problem):
    """The state does not allow the change; ``allowed`` names what it does allow."""

    status = 409

    def __init__(self, detail: str, *, allowed: Sequence[str] | None = None, **members: Any) -> None:
        if allowed is not None:
            members["allowed"] = list(allowed)
        super().__init__(detail, **members)


class TooLarge(Problem):
    status = 413


class WrongType(Problem):
    status = 415


class Unavailable(Problem):
    """Nothing was done; the same request may succeed after ``retry_after`` seconds."""

    status = 503

    def __init__(self, detail: str, *, retry_after: int = DATABASE_RETRY_SECONDS) -> None:
        self.retry_after = retry_after
        super().__init__(detail)


class TooManyRequests(Problem):
    status = 429

    def __init__(self, detail: str, *, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(detail)


def is_api_path(path: str) -> bool:
    return path.startswith(API_PREFIXES)


def problem_document(status: int, detail: str = "", **members: Any) -> dict[str, Any]:
    """The members of RFC 9457, and ``request_id``."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail or DETAILS.get(status, HTTPStatus(status).description or HTTPStatus(status).phrase),
        "request_id": current_request_id(),
        **members,
    }


def problem_response(
    status: int, detail: str = "", *, headers: Mapping[str, str] | None = None, **members: Any
) -> HttpResponse:
    body = json.dumps(problem_document(status, detail, **members))
    return HttpResponse(body, status=status, content_type=PROBLEM_JSON, headers=dict(headers or {}))


def problem_headers(problem: Problem) -> dict[str, str]:
    """When to come back, where the problem knows it."""
    if isinstance(problem, Unavailable | TooManyRequests):
        return {"Retry-After": str(problem.retry_after)}
    return {}


def service_unavailable() -> HttpResponse:
    return problem_response(
        503,
        "The database is away. Nothing was stored; send the request again.",
        headers={"Retry-After": str(DATABASE_RETRY_SECONDS)},
    )


def flatten_errors(detail: Any, path: str = "") -> list[dict[str, str]]:
    """DRF's nested error structure as a flat list; list positions become ``logs[3].level``."""
    if isinstance(detail, Mapping):
        flat: list[dict[str, str]] = []
        for field, inner in detail.items():
            name = "" if field in ("non_field_errors", "__all__") else str(field)
            flat += flatten_errors(inner, ".".join(part for part in (path, name) if part))
        return flat
    if isinstance(detail, list | tuple):
        nested = any(isinstance(item, Mapping | list) and item for item in detail)
        if nested:
            return [e for i, item in enumerate(detail) if item for e in flatten_errors(item, f"{path}[{i}]")]
        return [{"field": path, "message": str(item)} for item in detail if item != {}]
    return [{"field": path, "message": str(detail)}]


def _answer(status: int, detail: str = "", headers: Mapping[str, str] | None = None, **members: Any) -> Response:
    return Response(
        problem_document(status, detail, **members),
        status=status,
        content_type=PROBLEM_JSON,
        headers=dict(headers or {}),
    )


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception hook: every error an API view raises leaves as a problem document."""
    if isinstance(error, Problem):
        return _answer(error.status, error.detail, problem_headers(error), **error.members)
    if isinstance(error, Http404):
        return _answer(404)
    if isinstance(error, DjangoValidationError):
        detail = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        return _answer(400, "The input is not valid.", errors=flatten_errors(detail))
    if isinstance(error, exceptions.ValidationError):
        return _answer(400, "The input is not valid; see errors.", errors=flatten_errors(error.detail))
    if isinstance(error, exceptions.APIException):
        return _api_exception(error)
    if isinstance(error, RequestDataTooBig):
        return _answer(413)
    if isinstance(error, DataError):
        logger.warning(
            "a value that PostgreSQL refuses came as far as %s: %s", type(context.get("view")).__name__, error
        )
        return _answer(400, "The input holds what cannot be stored or looked for: U+0000, or a number out of range.")
    if isinstance(error, OperationalError | InterfaceError):
        connection.close()
        logger.warning("database away: %s", error)
        return _answer(
            503,
            "The database is away. Nothing was stored; send the request again.",
            {"Retry-After": str(DATABASE_RETRY_SECONDS)},
        )
    logger.exception("unhandled error in %s", type(context.get("view")).__name__)
    return _answer(500)


def _api_exception(error: exceptions.APIException) -> Response:
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(max(1, int(error.wait + 0.999)))  # type: ignore[attr-defined]
    if isinstance(error, exceptions.MethodNotAllowed):
        return _answer(405, str(error.detail))
    if isinstance(error, exceptions.ParseError):
        return _answer(400, f"The body cannot be read: {error.detail}")
    detail = error.detail
    if isinstance(detail, Mapping):  # simplejwt: {"detail": …, "code": …}
        members = {key: value for key, value in detail.items() if key in ("mfa_required",)}
        return _answer(error.status_code, str(detail.get("detail", "")), headers, **members)
    return _answer(error.status_code, str(detail), headers)
