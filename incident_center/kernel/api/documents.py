"""A JSON value whose shape the API's schema tells, for what an action reads and judges by itself."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

Schema = dict[str, Any]


class DocumentField(serializers.JSONField):
    """Takes any JSON: the action that reads it names each fault by its path, which a serializer could not.

    Args:
        schema: what the value looks like, as OpenAPI 3.0 says it.
    """

    def __init__(self, *, schema: Schema, **options: Any) -> None:
        self.schema = schema
        super().__init__(**options)


class DocumentFieldSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = DocumentField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> Schema:
        return dict(self.target.schema)


def whole_number(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def one_of(values: Any) -> Schema:
    return {"type": "string", "enum": [str(value) for value in values]}


def list_of(items: Schema, *, least: int = 0, most: int | None = None) -> Schema:
    bounds = {"minItems": least} if least else {}
    return {"type": "array", "items": items, **bounds} | ({} if most is None else {"maxItems": most})


def document(properties: dict[str, Schema], *, required: tuple[str, ...] = ()) -> Schema:
    """An object with these fields and no others."""
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties, **needed, "additionalProperties": False}


UUID: Schema = {"type": "string", "format": "uuid"}
TIME_OF_DAY: Schema = {"type": "string", "pattern": r"^\d\d:\d\d$", "example": "08:00"}


def text(longest: int) -> Schema:
    return {"type": "string", "maxLength": longest}
