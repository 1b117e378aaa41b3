"""Templates mined from a stream of messages, one at a time, without looking back.

After Drain (He et al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017): messages are told
apart by their shape and first word, and within those by how many words they share with a template. What differs becomes
a wildcard. A template only ever grows more general, so a message once assigned fits its template for good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass
from typing import Generic, TypeVar

from ingestion.patterns.masking import WILDCARD, is_mark, mask, tokens_of

#: The least part of the words that a message shares with its template.
SIMILARITY = 0.6
#: Values on which both agree say less than a word.
WEIGHT_OF_VALUES = 0.25
#: More first words than this are values.
MOST_BRANCHES = 100
#: Of one service. What comes beyond is gathered by shape: something writes no templates there.
MOST_PATTERNS = 2_000
_REMEMBERED_LINES = 20_000
_NO_WORDS: set[str] = set()

Id = TypeVar("Id")
_Leaf = tuple[str, str]


@dataclass(eq=False, slots=True)
class Template(Generic[Id]):
    """One pattern, which its messages make more general."""

    id: Id
    tokens: list[str]

    @property
    def text(self) -> str:
        return "".join(self.tokens)


class PatternMiner(Generic[Id]):
    """The templates of one service.

    Args:
        new_id: makes the id of a new template.
        known: templates mined before, as id and text; the miner goes on from them.
    """

    def __init__(self, new_id: Callable[[], Id], known: Iterable[tuple[Id, str]] = ()) -> None:
        self._new_id = new_id
        self._leaves: dict[_Leaf, list[Template[Id]]] = {}
        self._branches: dict[str, set[str]] = {}
        self._remembered: dict[str, Template[Id]] = {}
        self.templates: list[Template[Id]] = []
        for id_, text in known:
            self._insert(Template(id_, tokens_of(text)))

    def assign(self, message: str) -> Template[Id]:
        """The message's template: an old one, perhaps made more general by it, or a new one."""
        masked = mask(message)
        template = self._remembered.get(masked)
        if template is None:
            template = self._assign(tokens_of(masked))
            self._remember(masked, template)
        return template

    def match(self, message: str) -> Template[Id] | None:
        """The template that the message fits as it is; changes nothing but a memory of lines."""
        masked = mask(message)
        template = self._remembered.get(masked)
        if template is None:
            tokens = tokens_of(masked)
            found, _ = self._most_similar(tokens)
            template = found if found is not None and _fits(found.tokens, tokens) else self._gathered(tokens)
            if template is not None:
                self._remember(masked, template)
        return template

    def _remember(self, masked: str, template: Template[Id]) -> None:
        if len(self._remembered) >= _REMEMBERED_LINES:
            self._remembered.clear()
        self._remembered[masked] = template

    def _assign(self, tokens: list[str]) -> Template[Id]:
        template, score = self._most_similar(tokens)
        if template is not None and score >= SIMILARITY:
            pairs = zip(template.tokens, tokens, strict=True)
            template.tokens = [old if old == new else _wild(old) for old, new in pairs]
            return template
        if len(self.templates) < MOST_PATTERNS:
            return self._keep(tokens)
        return self._gathered(tokens) or self._keep(_shape_alone(tokens, self.templates))

    def _gathered(self, tokens: list[str]) -> Template[Id] | None:
        """Where the messages of this shape go when there are too many patterns, if any went there."""
        for gathered in (_shape_alone(tokens), [WILDCARD]):
            for template in self._leaves.get(self._leaf(gathered, grow=False), ()):
                if template.tokens == gathered:
                    return template
        return None

    def _keep(self, tokens: list[str]) -> Template[Id]:
        return self._insert(Template(self._new_id(), list(tokens)))

    def _insert(self, template: Template[Id]) -> Template[Id]:
        self.templates.append(template)
        self._leaves.setdefault(self._leaf(template.tokens, grow=True), []).append(template)
        return template

    def _most_similar(self, tokens: list[str]) -> tuple[Template[Id] | None, float]:
        best, best_score = None, -1.0
        for template in self._leaves.get(self._leaf(tokens, grow=False), ()):
            score = _similarity(template.tokens, tokens)
            if score > best_score:
                best, best_score = template, score
        return best, best_score

    def _leaf(self, tokens: list[str], *, grow: bool) -> _Leaf:
        shape = "".join(token if is_mark(token) else "w" for token in tokens)
        word = next((token for token in tokens if not is_mark(token)), "")
        return shape, self._branch(shape, word, grow)

    def _branch(self, shape: str, word: str, grow: bool) -> str:
        if WILDCARD in word:
            return WILDCARD
        known = self._branches.setdefault(shape, set()) if grow else self._branches.get(shape, _NO_WORDS)
        if word in known:
            return word
        if len(known) >= MOST_BRANCHES:
            return WILDCARD
        if grow:
            known.add(word)
        return word


def _wild(token: str) -> str:
    return f" {WILDCARD}" if token.startswith(" ") else WILDCARD


def _shape_alone(tokens: list[str], templates: Sized = ()) -> list[str]:
    """The marks with nothing between them told; with twice too many ``templates`` not even those."""
    if len(templates) >= 2 * MOST_PATTERNS:
        return [WILDCARD]
    return [token if is_mark(token) else _wild(token) for token in tokens]


def _fits(template: list[str], tokens: list[str]) -> bool:
    return all(old == new or old.lstrip(" ") == WILDCARD for old, new in zip(template, tokens, strict=True))


def _similarity(template: list[str], tokens: list[str]) -> float:
    """The share of words on which both agree: 1.0 for a line of marks only, and at least ``SIMILARITY`` for one that
    fits the template as it is.
    """
    agreed = total = 0.0
    fits = True
    for old, new in zip(template, tokens, strict=True):
        if is_mark(old) or old == " -":
            continue
        if old == new:
            weight = WEIGHT_OF_VALUES if WILDCARD in old else 1.0
            agreed += weight
            total += weight
        elif old.lstrip(" ") == WILDCARD:
            total += WEIGHT_OF_VALUES
        else:
            total += 1.0
            fits = False
    score = agreed / total if total else 1.0
    return max(score, SIMILARITY) if fits else score
