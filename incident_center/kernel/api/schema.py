"""OpenAPI: every operation lists the problem documents that it can answer with."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema

from incident_center.kernel.api.pagination import KeysetPagination

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "allowed": {"type": "array", "items": {"type": "string"}},
    },
}
PROBLEMS = {
    "400": "Invalid input",
    "401": "No credential, or a dead one",
    "403": "The role or the kind of credential may not do this",
    "404": "Absent, or of another organization",
    "409": "Conflict with the present state",
    "413": "Too large",
    "415": "Wrong type",
    "429": "Too many requests",
    "503": "The database is away",
}


class ProblemAutoSchema(AutoSchema):
    """drf-spectacular's schema with the problem answers added to each operation."""

    def get_operation(self, *arguments: Any, **keywords: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*arguments, **keywords)
        if operation is None:
            return None
        for status, description in PROBLEMS.items():
            operation["responses"].setdefault(
                status,
                {
                    "description": description,
                    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
                },
            )
        return operation

    def _get_paginator(self) -> Any:
        """A handler that answers with a page is described as one: lists of plain views choose their paginator inside,
        where drf-spectacular does not look.
        """
        handler = getattr(self.view, self.method.lower(), None)
        names: tuple[str, ...] = getattr(getattr(handler, "__code__", None), "co_names", ())
        return KeysetPagination() if "get_paginated_response" in names else None


def add_problem_schema(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular post-processing hook: the one component that all operations refer to."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    return result
