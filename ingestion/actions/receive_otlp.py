"""Receiving OTLP's logs: another way to write them, the same way to store them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from incident_center.kernel.api.problems import InvalidInput, Problem, TooLarge, WrongType
from ingestion import metrics
from ingestion.actions.receive_logs import ReceivedBody, Sender, keep_body, store_logs
from ingestion.limits import BODY_BYTES
from ingestion.parsers.encoding import TooLargeError, UnpackError, UnsupportedEncodingError, unpack
from ingestion.parsers.log_entries import ParsedLogs, TooManyEntriesError, UnreadableBodyError, rows_of
from ingestion.parsers.otlp import MEDIA_TYPES, read_records


@dataclass(frozen=True, slots=True)
class OtlpOutcome:
    """What ``partial_success`` says: records that were refused for good, and why the first of them was."""

    rejected: int = 0
    reason: str = ""


def receive_otlp(*, sender: Sender, received: ReceivedBody, media_type: str) -> OtlpOutcome:
    """Stores the records of one export request; returning means that they are durable. Rejected ones are dead
    letters in the form of ``/v1/ingest``, to be repaired and replayed.

    Raises:
        InvalidInput, TooLarge, WrongType: the body cannot be read. One dead letter keeps its beginning.
        Unavailable: nothing was stored; the client should repeat the request.
    """
    started = time.perf_counter()
    now = datetime.now(UTC)
    try:
        parsed = _read(sender, received, media_type, now)
        if parsed.entries:
            store_logs(sender, parsed, None, now)
    except Problem as problem:
        metrics.refused.labels(status=str(problem.status)).inc()
        raise
    metrics.latency.observe((time.perf_counter() - started) * 1_000)
    if not parsed.faults:
        return OtlpOutcome()
    return OtlpOutcome(len(parsed.faults), min(parsed.faults, key=lambda fault: fault.index).reason)


def _read(sender: Sender, received: ReceivedBody, media_type: str, now: datetime) -> ParsedLogs:
    try:
        if received.is_cut:
            raise TooLargeError(f"the body is larger than {BODY_BYTES} bytes")
        if media_type not in MEDIA_TYPES:
            raise UnsupportedEncodingError(f"Content-Type {media_type[:80]!r} is not one of {', '.join(MEDIA_TYPES)}")
        unpacked = unpack(received.content, received.content_encoding, limit=BODY_BYTES)
        entries = read_records(unpacked, media_type, for_gateway=sender.service_id is None)
    except (UnpackError, UnreadableBodyError) as error:
        reason = str(error)
        keep_body(sender, received, reason, now)
        if isinstance(error, TooLargeError | TooManyEntriesError):
            raise TooLarge(reason) from None
        if isinstance(error, UnsupportedEncodingError):
            raise WrongType(reason) from None
        raise InvalidInput("", reason) from None
    return rows_of(
        entries,
        service_id=sender.service_id,
        retention=timedelta(days=sender.retention_days),
        now=now,
        resolve_service=sender.resolve_service,
    )
