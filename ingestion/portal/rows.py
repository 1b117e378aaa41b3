"""Logs and their histogram as the explorer's templates take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import QueryDict

from ingestion.histogram import LogHistogram
from ingestion.levels import Level
from ingestion.log_filters import METADATA_PREFIX
from ingestion.log_ids import encode_log_id
from ingestion.logstore.port import LogRecord
from ingestion.pattern_search import pattern_of
from ingestion.portal.addresses import narrowed, text_of, trace_url, url_of, without
from organizations.models import Service


def row(
    record: LogRecord, service: Service, parameters: QueryDict, columns: Sequence[str], *, is_centre: bool = False
) -> dict[str, Any]:
    metadata = [
        {"key": key, "value": text_of(value), "url": narrowed(parameters, METADATA_PREFIX + key, value)}
        for key, value in record.metadata.items()
    ]
    log_id = encode_log_id(record)
    pattern = pattern_of(record)
    return {
        "id": log_id,
        "record": record,
        "service": service,
        "service_url": narrowed(parameters, "service", service.name),
        "level": record.level.name,
        "level_class": f"level-{record.level.name.lower()}",
        "level_url": narrowed(parameters, "level", record.level.name),
        "columns": [value_at(record.metadata, key) for key in columns],
        "metadata": metadata,
        "trace_url": trace_url(record.trace_id) if record.trace_id else "",
        "pattern_url": narrowed(parameters, "pattern", str(pattern)) if pattern else "",
        "context_url": _context_url(parameters, log_id),
        "is_centre": is_centre,
    }


def value_at(metadata: Mapping[str, Any], key: str) -> str:
    """The value under ``http.status``: the flat key first, then the nested one; empty where there is none."""
    if key in metadata:
        return text_of(metadata[key])
    value: Any = metadata
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            return ""
        value = value[part]
    return text_of(value)


def _context_url(parameters: QueryDict, log_id: str) -> str:
    there = without(parameters)
    there["around"] = log_id
    return url_of(there)


def chart(histogram: LogHistogram) -> dict[str, Any]:
    """The histogram in the form that charts.js draws (docs/design.md)."""

    def series(label: str, color: str, levels: tuple[Level, ...]) -> dict[str, Any]:
        values = [sum(bucket.by_level.get(level, 0) for level in levels) for bucket in histogram.buckets]
        return {"label": label, "color": color, "values": values}

    return {
        "kind": "bars",
        "stacked": True,
        "unit": "logs",
        "times": [int(bucket.start.timestamp()) for bucket in histogram.buckets],
        "step": int(histogram.interval.total_seconds()),
        "series": [
            series("Errors", "level-error", (Level.ERROR, Level.FATAL)),
            series("Warnings", "level-warn", (Level.WARN,)),
            series("Other", "chart-quiet", (Level.DEBUG, Level.INFO)),
        ],
        "brush": {"from": "from", "to": "to", "drop": ["span"]},
    }
