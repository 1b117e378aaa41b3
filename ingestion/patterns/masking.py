"""From a message to the tokens that are compared: what holds a digit is a value, the rest is words and marks."""

from __future__ import annotations

import re

WILDCARD = "<*>"
#: Of a message: its first line says what happened, and what follows a stack trace's head is not a template.
LONGEST_LINE = 2_000
MOST_TOKENS = 200

#: A run with a digit in it, up to the next space or mark: number, date, address, hash, block, version.
_VALUE = re.compile(r"""(?<![^\s=,;|()\[\]{}"'])[^\s=,;|()\[\]{}"'0-9]*+[0-9][^\s=,;|()\[\]{}"']*+""")
#: What stays of it: the words before its first digit, as in blk_-38, /orders/17 and task-9f. The digit of ssh2 or ipv4
#: belongs to the word.
_NAME = re.compile(r"[A-Za-z]{2,}[0-9]|(?:[A-Za-z_][A-Za-z_:]*[-_/.#@:](?=[-+]?[0-9])|/(?:[A-Za-z_][A-Za-z_.-]*/)+)")
_WHOLE_NAME = re.compile(r"[A-Za-z]{2,}[0-9](?:[.:]?$)")
_TOKENS = re.compile(r""" ?(?:[^\s=:,;|()\[\]{}"']+|[=:,;|()\[\]{}"'])""")
MARKS = frozenset("=:,;|()[]{}\"'")


def mask(message: str) -> str:
    """The message's first line with its values masked and single spaces."""
    line = message.lstrip()[:LONGEST_LINE]
    end = line.find("\n")
    if end >= 0:
        line = line[:end]
    return " ".join(_VALUE.sub(_masked, line).split())


def _masked(match: re.Match[str]) -> str:
    text = match[0]
    if text[0].isalpha() or text[0] in "/_":
        if _WHOLE_NAME.match(text):
            return text
        if (name := _NAME.match(text)) and not name[0][-1].isdigit():
            return f"{name[0].removesuffix('-') if name[0].endswith('_-') else name[0]}{WILDCARD}"
    return f"{WILDCARD}{text[-1]}" if text[-1] in ":." else WILDCARD


def tokens_of(masked: str) -> list[str]:
    """Words and marks, each with the space before it: joined they are the line again."""
    found = _TOKENS.findall(masked)
    return found if len(found) <= MOST_TOKENS else [*found[:MOST_TOKENS], f" {WILDCARD}"]


def is_mark(token: str) -> bool:
    return token[-1] in MARKS and len(token) <= 2
