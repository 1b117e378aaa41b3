"""What the command palette (Ctrl K) finds: apps register sources, the view `portal:palette` answers `search`.

The answer is JSON: `{"items": [{"label", "hint", "url", "icon", "method"}]}`. `method` is "get" to go there
and "post" to do it (acknowledge INC-42, for one); `hint` is the quiet text at the right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Literal

from django.http import HttpRequest

MOST_RESULTS = 12


@dataclass(frozen=True)
class PaletteItem:
    label: str
    url: str
    icon: str
    hint: str = ""
    method: Literal["get", "post"] = "get"


Source = Callable[[HttpRequest, str], Iterable[PaletteItem]]

_sources: list[tuple[int, Source]] = []


def register(source: Source, *, order: int) -> None:
    """Add a source: called with the request (its member decides what may be found) and the trimmed query.

    The query may be empty; a source then offers what is most urgent, or nothing. Lower `order` comes first.
    """
    _sources.append((order, source))
    _sources.sort(key=lambda each: each[0])


def search(request: HttpRequest, query: str) -> dict[str, list[dict[str, str]]]:
    """Return the palette's answer for `query`, ready for JSON: at most `MOST_RESULTS` items."""
    found: list[dict[str, str]] = []
    for _, source in _sources:
        for item in source(request, query.strip()):
            found.append(asdict(item))
            if len(found) == MOST_RESULTS:
                return {"items": found}
    return {"items": found}
