"""What stands above every page: only what endangers trust. Each app registers its own in `AppConfig.ready()`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest


@dataclass(frozen=True)
class Banner:
    """What is wrong, more about it, and the page where it is dealt with."""

    title: str
    text: str
    url: str
    label: str


Source = Callable[[HttpRequest], Banner | None]
_sources: list[Source] = []


def register(source: Source) -> None:
    """Adds a source; it answers None where there is nothing to say, or not to this visitor. Asked for each page."""
    if source not in _sources:
        _sources.append(source)


def banners(request: HttpRequest) -> list[Banner]:
    return [banner for source in _sources if (banner := source(request)) is not None]
