"""Turns any Python value into plain JSON of bounded depth and size. Never raises."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

LONGEST_TEXT = 4 * 1024
DEEPEST = 6
MOST_VALUES = 300
_EXACT_INTEGER = 2**63


def bounded_text(value: str, longest: int = LONGEST_TEXT) -> str:
    """`value` as storable text: no lone surrogates, no NUL, at most `longest` characters (head and tail
    kept).
    """
    if len(value) > longest:
        half = longest // 2
        value = f"{value[:half]}… [{len(value) - longest} characters left out] …{value[-half:]}"
    if "\x00" in value:
        value = value.replace("\x00", "\ufffd")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        value = value.encode("utf-8", "replace").decode("utf-8")
    return value


def safe_text(value: Any) -> str:
    """`str(value)`, or a description of it when its own `__str__` fails."""
    try:
        return bounded_text(str(value))
    except Exception:
        return _safe_repr(value)


def _safe_repr(value: Any) -> str:
    try:
        return bounded_text(repr(value))
    except Exception as error:
        return f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"


class JsonSanitizer:
    """Sanitizes one record's values under one common budget, so that many small values cannot add up
    unbounded.
    """

    def __init__(self, most_values: int = MOST_VALUES, most_text: int = 14 * 1024) -> None:
        self._values_left = most_values
        self._text_left = most_text

    def clean(self, value: Any, depth: int = DEEPEST) -> Any:
        """Plain JSON for `value`. Unserializable values become their repr, what is too deep or too much a
        note.
        """
        try:
            return self._clean(value, depth)
        except Exception:
            return _safe_repr(value)

    def _clean(self, value: Any, depth: int) -> Any:
        self._values_left -= 1
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Enum):
            return self.clean(value.value, depth)
        if isinstance(value, int):
            return int(value) if -_EXACT_INTEGER <= value < _EXACT_INTEGER else self._text(hex(value))
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else repr(value)
        if isinstance(value, str):
            return self._text(str(value))
        if isinstance(value, (datetime, date, time)):
            return value.isoformat()
        if isinstance(value, (UUID, Decimal, PurePath)):
            return self._text(str(value))
        if isinstance(value, (bytes, bytearray)):
            return self._text(bytes(value[:LONGEST_TEXT]).decode("utf-8", "backslashreplace"))
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, (list, tuple, set, frozenset)):
            return self._sequence(value, depth)
        return self._text(_safe_repr(value))

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> Any:
        if depth <= 0:
            return f"[{len(value)} keys, too deep]"
        result: dict[str, Any] = {}
        for key, inner in value.items():
            if self._values_left <= 0:
                result["…"] = f"{len(value) - len(result)} more keys left out"
                break
            result[bounded_text(safe_text(key), 256)] = self.clean(inner, depth - 1)
        return result

    def _sequence(self, value: list[Any] | tuple[Any, ...] | set[Any] | frozenset[Any], depth: int) -> Any:
        if depth <= 0:
            return f"[{len(value)} items, too deep]"
        result: list[Any] = []
        for inner in value:
            if self._values_left <= 0:
                result.append(f"… {len(value) - len(result)} more items left out")
                break
            result.append(self.clean(inner, depth - 1))
        return result

    def _text(self, value: str) -> str:
        text = bounded_text(value, max(64, min(LONGEST_TEXT, self._text_left)))
        self._text_left -= len(text)
        return text
