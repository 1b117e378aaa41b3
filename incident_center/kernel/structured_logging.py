"""The product's own log lines: one JSON object a line, with the request and the organization they belong to."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from incident_center.kernel.request_id import current_request_id
from incident_center.kernel.scope import current_scope


class JsonFormatter(logging.Formatter):
    """Never raises: what cannot be encoded is written as its ``repr``."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := current_request_id():
            line["request_id"] = request_id
        scope = current_scope()
        if scope.organization_id is not None:
            line["organization_id"] = scope.organization_id
        line |= getattr(record, "fields", {})  # logger.info("…", extra={"fields": {…}})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=repr, ensure_ascii=False)
