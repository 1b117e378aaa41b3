"""Printed documents: data and a Typst template in, PDF/A out.

Templates lie beside the code that fills them and import ``house.typ``, the house's page, colours and tables. They get
their data as JSON and never as markup: what people write cannot become a command. Fonts are vendored, so that the
same data gives the same pages everywhere; a character that none of them has is looked for in the fonts of the machine,
and is named (``[U+4E2D]``) where it is in none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import typst
from django.conf import settings
from fontTools.ttLib import TTFont

FONTS = Path(__file__).parent / "fonts"
#: PDF/A-2b: what the page looks like can be had back from the file alone, for as long as it is kept.
STANDARD: Literal["a-2b"] = "a-2b"
#: They say how a neighbour is shown, and have no picture of their own.
_INVISIBLE = frozenset({0x200D, 0xFE0E, 0xFE0F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)})
_KEPT_CONTROLS = frozenset({0x09, 0x0A})


class TypesettingError(Exception):
    """The template and its data do not fit together; the message is the compiler's."""


def typeset(template: Path, data: Mapping[str, Any], *, made_at: datetime) -> bytes:
    """A PDF/A-2b document.

    Args:
        template: below the project's folder; reads ``sys.inputs.data``.
        data: what JSON can hold. Characters that cannot be printed are replaced.
        made_at: aware; the document's date, so that the same data gives the same bytes.

    Raises:
        TypesettingError: the template cannot be set with this data.
    """
    printable = _Printable()
    inputs = {"data": json.dumps(printable.clean(data), ensure_ascii=False)}
    inputs["further_fonts"] = json.dumps(sorted(printable.further_fonts))
    try:
        compiler = typst.Compiler(
            str(template),
            root=str(settings.BASE_DIR),
            font_paths=[str(FONTS), *printable.further_folders],
            ignore_system_fonts=True,
            sys_inputs=inputs,
        )
        document = compiler.compile(format="pdf", pdf_standards=[STANDARD], timestamp=made_at.replace(microsecond=0))
    except typst.TypstError as error:
        raise TypesettingError(f"{template.name}: {error.message}") from error
    assert isinstance(document, bytes)
    return document


class _Printable:
    """Makes text that the fonts can show, and notes which fonts of the machine that takes."""

    def __init__(self) -> None:
        self.further_fonts: set[str] = set()
        self.further_folders: set[str] = set()

    def clean(self, value: Any) -> Any:
        """The value with every text in it printable."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {key: self.clean(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.clean(one) for one in value]
        return value

    def _text(self, text: str) -> str:
        known = _vendored_characters()
        if text.isascii() and text.isprintable():
            return text
        return "".join(char if ord(char) in known else self._otherwise(char) for char in text)

    def _otherwise(self, char: str) -> str:
        code = ord(char)
        if code in _KEPT_CONTROLS:
            return char
        if code in _INVISIBLE:
            return ""
        if code < 0x20 or 0x7F <= code < 0xA0:
            return "\N{REPLACEMENT CHARACTER}"
        for family, path, characters in _machine_fonts():
            if code in characters:
                self.further_fonts.add(family)
                self.further_folders.add(str(path.parent))
                return char
        return f"[U+{code:04X}]"


@lru_cache(maxsize=1)
def _vendored_characters() -> frozenset[int]:
    return frozenset(code for path in FONTS.rglob("*.ttf") for code in _characters(path, 0))


@lru_cache(maxsize=1)
def _machine_fonts() -> tuple[tuple[str, Path, frozenset[int]], ...]:
    """Family, file and characters of the fonts that are installed; read once, and only when one is needed."""
    fonts = typst.Fonts(include_embedded_fonts=False).fonts()
    upright = [font for font in fonts if font.style == "normal" and font.weight == 400]
    return tuple(
        (font.family, Path(font.path), _characters(Path(font.path), font.index)) for font in upright if font.path
    )


def _characters(path: Path, index: int) -> frozenset[int]:
    with TTFont(path, fontNumber=index, lazy=True) as font:
        return frozenset(font.getBestCmap() or ())
