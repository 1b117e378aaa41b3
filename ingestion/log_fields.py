"""Which fields logs have, and their most frequent values: counted over a sample, which is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ingestion.logstore.port import LogRecord
from organizations.models import Service

MOST_FIELDS = 40
TOP_VALUES = 5
LONGEST_VALUE = 200
DEEPEST = 3


@dataclass(frozen=True, slots=True)
class FieldValue:
    value: Any
    count: int
    share: float
    """Of the logs in the sample, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field over the sample. ``name`` is ``level``, ``service``, ``environment`` or a metadata key with dots."""

    name: str
    is_metadata: bool
    count: int
    distinct: int
    values: list[FieldValue]


def count_fields(records: Iterable[LogRecord], services: Mapping[int, Service]) -> tuple[int, list[Field]]:
    """How many logs were looked at, and their fields: the three that all have, then metadata by how many carry it."""
    own: dict[str, Counter[Any]] = {"level": Counter(), "service": Counter(), "environment": Counter()}
    metadata: dict[str, Counter[Any]] = {}
    looked_at = 0
    for record in records:
        looked_at += 1
        own["level"][record.level.name] += 1
        if service := services.get(record.service_id):
            own["service"][service.name] += 1
            own["environment"][service.environment] += 1
        for key, value in _scalars(record.metadata, "", 1):
            metadata.setdefault(key, Counter())[value] += 1
    found = [_field(name, counter, looked_at, is_metadata=False) for name, counter in own.items() if counter]
    carried = sorted(metadata.items(), key=lambda item: (-item[1].total(), item[0]))[:MOST_FIELDS]
    found += [_field(name, counter, looked_at, is_metadata=True) for name, counter in carried]
    return looked_at, found


def _field(name: str, counter: Counter[Any], looked_at: int, *, is_metadata: bool) -> Field:
    values = [FieldValue(value, count, count / looked_at) for value, count in counter.most_common(TOP_VALUES)]
    return Field(name, is_metadata, counter.total(), len(counter), values)


def _scalars(document: Mapping[str, Any], prefix: str, depth: int) -> Iterable[tuple[str, Any]]:
    for key, value in document.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            if depth < DEEPEST:
                yield from _scalars(value, f"{name}.", depth + 1)
        elif value is not None and not isinstance(value, list) and len(str(value)) <= LONGEST_VALUE:
            yield name, value
