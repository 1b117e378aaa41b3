"""The little language of the search field: ``timeout "connection reset" -healthcheck``."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

LONGEST_TEXT = 1_000
MOST_TERMS = 20
MOST_METADATA_FILTERS = 10

_TERM = re.compile(r'(?P<minus>-?)(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))')


@dataclass(frozen=True, slots=True)
class TextTerms:
    """What a message must hold, and what it must not; without regard to case, anywhere in the message."""

    words: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


NO_TERMS = TextTerms()


def parse_text(text: str) -> TextTerms:
    """Words and "phrases" all have to occur; one that begins with - must not. A lone - is a word.

    Raises:
        ValueError: too long, or too many terms.
    """
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"at most {LONGEST_TEXT} characters")
    if "\0" in text:
        raise ValueError("the character U+0000 occurs in no log")
    words: list[str] = []
    excluded: list[str] = []
    for match in _TERM.finditer(text):
        phrase, word = match["phrase"], match["word"]
        term = phrase if phrase is not None else word
        if not term:
            continue
        (excluded if match["minus"] else words).append(term)
    if len(words) + len(excluded) > MOST_TERMS:
        raise ValueError(f"at most {MOST_TERMS} words and phrases")
    return TextTerms(tuple(dict.fromkeys(words)), tuple(dict.fromkeys(excluded)))


def metadata_alternatives(key: str, value: str) -> tuple[dict[str, Any], ...]:
    """The JSON objects of which a log's metadata must contain one, for ``metadata.<key>=<value>``.

    Nobody who types 500 knows whether the sender wrote a number or a string, nor whether ``http.status`` is
    one key (OpenTelemetry's habit) or two. All readings are tried, and each can use an index.

    Raises:
        ValueError: the key is empty, or holds what no metadata can.
    """
    if not key or "\0" in key or "\0" in value or len(key) > LONGEST_TEXT or len(value) > LONGEST_TEXT:
        raise ValueError("metadata filters are written metadata.<key>=<value>")
    values: list[Any] = [value]
    try:
        scalar = json.loads(value)
    except (ValueError, RecursionError):
        pass
    else:
        finite = not isinstance(scalar, float) or math.isfinite(scalar)
        if not isinstance(scalar, str | dict | list) and finite:
            values.append(scalar)
    paths = [[key]]
    parts = key.split(".")
    if len(parts) > 1 and all(parts):
        paths.append(parts)
    return tuple(_nested(path, candidate) for path in paths for candidate in values)


def _nested(path: list[str], value: Any) -> dict[str, Any]:
    document: Any = value
    for part in reversed(path):
        document = {part: document}
    return document  # type: ignore[no-any-return]  # A path has at least one part.
