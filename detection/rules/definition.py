"""What a rule's match and parameters may say. Pure, so that API, pages and actions share one reading."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ingestion.levels import NAMES, parse_level
from ingestion.search_syntax import MOST_METADATA_FILTERS, metadata_alternatives, parse_text

KINDS = ("threshold",)
#: Known to the contract, but not built: they are refused by name rather than accepted and never evaluated.
PLANNED_KINDS = ("anomaly", "silence", "new_pattern")
MOST_LOGS = 10_000
LONGEST_WINDOW_SECONDS = 86_400
DEFAULT_MATCH = {"min_level": "ERROR"}
DEFAULT_PARAMETERS = {"count": 5, "window_seconds": 60}


@dataclass
class Definition:
    """A match and parameters in their stored form, or what is wrong with them: ``(field, message)``."""

    match: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    faults: list[tuple[str, str]] = field(default_factory=list)


def read_definition(*, kind: object, match: object, parameters: object) -> Definition:
    """Checks everything and names every fault, so that a form can show them all at once."""
    read = Definition()
    _check_kind(kind, read)
    _read_match(match, read)
    _read_parameters(parameters, read)
    return read


def _check_kind(kind: object, read: Definition) -> None:
    if kind in PLANNED_KINDS:
        read.faults.append(("kind", f"Rules of kind {kind} are not available yet; use threshold."))
    elif kind not in KINDS:
        read.faults.append(("kind", "Write threshold; there is no other kind of rule yet."))


def _read_match(match: object, read: Definition) -> None:
    if not isinstance(match, dict):
        read.faults.append(("match", 'Write an object such as {"min_level": "ERROR"}.'))
        return
    _refuse_unknown("match", match, ("min_level", "q", "metadata"), read)
    level = match.get("min_level", DEFAULT_MATCH["min_level"])
    try:
        read.match["min_level"] = parse_level(level if isinstance(level, str) else "").name
    except ValueError:
        read.faults.append(("match.min_level", f"Write one of {NAMES}."))
    query = match.get("q") or ""
    try:
        if not isinstance(query, str):
            raise ValueError("write words and “phrases”")
        parse_text(query)
    except ValueError as error:
        read.faults.append(("match.q", f"{error}.".capitalize()))
    else:
        if query.strip():
            read.match["q"] = query.strip()
    _read_metadata(match.get("metadata") or {}, read)


def _read_metadata(metadata: object, read: Definition) -> None:
    if not isinstance(metadata, dict):
        read.faults.append(("match.metadata", 'Write an object such as {"region": "eu-1"}.'))
        return
    if len(metadata) > MOST_METADATA_FILTERS:
        read.faults.append(("match.metadata", f"At most {MOST_METADATA_FILTERS} keys."))
        return
    texts: dict[str, str] = {}
    for key, value in metadata.items():
        if isinstance(value, dict | list):
            read.faults.append((f"match.metadata.{key}", "Write one value; a nested key is written outer.inner."))
            continue
        texts[key] = value if isinstance(value, str) else json.dumps(value)
        try:
            metadata_alternatives(key, texts[key])
        except ValueError as error:
            read.faults.append((f"match.metadata.{key}", f"{error}.".capitalize()))
    if texts:
        read.match["metadata"] = texts


def _read_parameters(parameters: object, read: Definition) -> None:
    if not isinstance(parameters, dict):
        read.faults.append(("parameters", 'Write an object such as {"count": 5, "window_seconds": 60}.'))
        return
    _refuse_unknown("parameters", parameters, ("count", "window_seconds"), read)
    limits = {"count": (0, MOST_LOGS, "logs"), "window_seconds": (1, LONGEST_WINDOW_SECONDS, "seconds")}
    for name, (least, most, unit) in limits.items():
        value = parameters.get(name, DEFAULT_PARAMETERS[name])
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            message = f"Write a whole number of {unit} from {least} to {most:,}."
            read.faults.append((f"parameters.{name}", message))
        else:
            read.parameters[name] = value


def _refuse_unknown(where: str, given: dict[Any, Any], known: tuple[str, ...], read: Definition) -> None:
    for name in given:
        if name not in known:
            read.faults.append((f"{where}.{name}", f"There is no such setting; known are {', '.join(known)}."))
