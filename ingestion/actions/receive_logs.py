"""Receiving the body of an intake request: what is good is stored, what is not becomes a dead letter,
durably.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NoReturn
from uuid import UUID

import msgspec

from incident_center.kernel.api.problems import (
    Conflict,
    InvalidInput,
    Problem,
    TooLarge,
    Unavailable,
    WrongType,
)
from ingestion import metrics
from ingestion.levels import Level
from ingestion.limits import BODY_BYTES, DEAD_LETTER_BYTES, ERRORS_PER_ANSWER, KIB
from ingestion.logstore import log_store
from ingestion.logstore.port import (
    AnswerAlreadyGivenError,
    AnswerWriter,
    DeadLetterRow,
    LogStoreBusyError,
    LogStoreUnavailableError,
    Receipt,
    WriteBatch,
    WriteOutcome,
)
from ingestion.models import DeadLetter
from ingestion.parsers.encoding import TooLargeError, UnpackError, UnsupportedEncodingError, unpack
from ingestion.parsers.log_entries import (
    EmptyBatchError,
    Fault,
    LogRow,
    ParsedLogs,
    ServiceResolver,
    TooManyEntriesError,
    UnreadableBodyError,
    parse_logs,
)
from ingestion.wake_up import wake_up_calls
from organizations.rates import charge_key

BUSY_RETRY_SECONDS = 1
UNAVAILABLE_RETRY_SECONDS = 5
#: Up to here a request shares its commit with others.
SMALL_ROWS = 299
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Sender:
    """For whom logs are received. ``service_id`` is None where the entries name their services."""

    organization_id: int
    service_id: int | None
    retention_days: int
    principal: str
    resolve_service: ServiceResolver | None = None
    key_id: UUID | None = None
    """Whose rate is charged; None charges nobody."""

    def charge(self, logs: int) -> None:
        """Counts ``logs`` against the sender's rates; letting the request in has counted one already."""
        if self.key_id is not None and logs > 1:
            charge_key(self.organization_id, self.key_id, logs - 1)


@dataclass(frozen=True, slots=True)
class ReceivedBody:
    """A request's body as it came, not yet unpacked."""

    content: bytes
    content_type: str = "application/json"
    content_encoding: str = ""
    size: int | None = None
    """Bytes that were announced, where ``content`` is only their beginning."""

    @property
    def is_cut(self) -> bool:
        return self.size is not None and self.size > len(self.content)


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of a 200, as JSON."""

    body: bytes
    is_replay: bool = False


def receive_logs(*, sender: Sender, received: ReceivedBody, idempotency_key: str | None = None) -> Answer:
    """Stores the logs of one request and returns the answer; returning means that they are durable.

    Raises:
        InvalidInput: the body cannot be read, or holds no entry. One dead letter keeps its beginning.
        TooLarge: too many bytes or entries. One dead letter keeps the beginning.
        WrongType: not JSON, or an unknown Content-Encoding. One dead letter keeps the beginning.
        Conflict: the Idempotency-Key was used with another body.
        Unavailable: nothing was stored; the client should repeat the request.
    """
    started = time.perf_counter()
    now = datetime.now(UTC)
    try:
        parsed, unpacked = _read(sender, received, now)
        receipt = _receipt(sender, unpacked, idempotency_key)
        answer = store_logs(sender, parsed, receipt, now)
    except Problem as problem:
        metrics.refused.labels(status=str(problem.status)).inc()
        raise
    metrics.latency.observe((time.perf_counter() - started) * 1_000)
    return answer


# ---- Reading -----------------------------------------------------------------------------------------------


def _read(sender: Sender, received: ReceivedBody, now: datetime) -> tuple[ParsedLogs, bytes]:
    try:
        _check_form(received)
        unpacked = unpack(received.content, received.content_encoding, limit=BODY_BYTES)
        parsed = parse_logs(
            unpacked,
            service_id=sender.service_id,
            retention=timedelta(days=sender.retention_days),
            now=now,
            resolve_service=sender.resolve_service,
        )
    except EmptyBatchError as error:
        raise InvalidInput("logs", str(error).removeprefix("logs: ")) from None
    except (UnpackError, UnreadableBodyError, _WrongFormError) as error:
        _refuse(sender, received, error, now)
    return parsed, unpacked


class _WrongFormError(ValueError):
    """The Content-Type is not JSON."""


def _check_form(received: ReceivedBody) -> None:
    if received.is_cut:
        raise TooLargeError(f"the body is larger than {BODY_BYTES} bytes")
    media_type = received.content_type.partition(";")[0].strip().lower()
    if media_type not in ("", "application/json"):
        raise _WrongFormError(f"Content-Type {media_type[:80]!r} is not application/json")


def _refuse(sender: Sender, received: ReceivedBody, error: Exception, now: datetime) -> NoReturn:
    """Keeps the beginning of the body and tells the sender what was wrong with it."""
    reason = str(error)
    keep_body(sender, received, reason, now)
    if isinstance(error, TooLargeError | TooManyEntriesError):
        raise TooLarge(_sentence(reason)) from None
    if isinstance(error, UnsupportedEncodingError | _WrongFormError):
        raise WrongType(_sentence(reason)) from None
    raise InvalidInput("", _sentence(reason)) from None


def keep_body(
    sender: Sender,
    received: ReceivedBody,
    reason: str,
    now: datetime,
    kind: DeadLetter.Kind = DeadLetter.Kind.BODY,
    protocol: str = "",
) -> None:
    """Makes a dead letter of the beginning of a body that cannot be read; one that came before is counted.

    Args:
        protocol: of an alert, by which its replay is read.

    Raises:
        Unavailable: the database is away.
    """
    if not received.content:
        return
    sender.charge(len(received.content) // KIB)
    letter = DeadLetterRow(
        service_id=sender.service_id,
        kind=kind.value,
        reason=reason,
        content=received.content[:DEAD_LETTER_BYTES],
        content_type=received.content_type[:200],
        content_encoding=received.content_encoding[:40],
        size=received.size if received.size is not None else len(received.content),
        protocol=protocol,
    )
    _write(WriteBatch(sender.organization_id, sender.retention_days, now, [], [letter]))
    metrics.dead_letters.labels(kind=kind.value).inc()


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}."


def _receipt(sender: Sender, unpacked: bytes, idempotency_key: str | None) -> Receipt | None:
    if idempotency_key is None:
        return None
    # Over the unpacked body: a client that packs the same logs again may get other bytes.
    return Receipt(sender.principal, idempotency_key, hashlib.sha256(b"ingest\0" + unpacked).digest())


# ---- Storing -----------------------------------------------------------------------------------------------


def store_logs(sender: Sender, parsed: ParsedLogs, receipt: Receipt | None, now: datetime) -> Answer:
    """Stores what a protocol's parser made of a body, and announces it. Returning means that it is durable.

    Raises:
        Conflict: the Idempotency-Key was used with another body.
        Unavailable: nothing was stored.
    """
    sender.charge(parsed.entries)
    letters = [_dead_letter(sender, fault) for fault in parsed.faults]
    batch = WriteBatch(sender.organization_id, sender.retention_days, now, parsed.rows, letters, receipt)
    try:
        outcome = _write(batch, answer=lambda stored: _answer_body(stored, parsed.faults))
    except AnswerAlreadyGivenError as earlier:
        assert receipt is not None
        if earlier.request_hash != receipt.request_hash:
            raise Conflict(
                "This Idempotency-Key was used with another body; use a new key for a new request."
            ) from None
        return Answer(earlier.body, is_replay=True)
    return conclude(batch, outcome, parsed.faults)


def read_small(sender: Sender, content: bytes, now: datetime) -> WriteBatch | None:
    """The rows of a small body in plain JSON, where nothing is wrong with it. None: ask ``receive_logs``, which
    keeps dead letters. Touches no database, so an event loop may call it.
    """
    try:
        parsed = parse_logs(
            content, service_id=sender.service_id, retention=timedelta(days=sender.retention_days), now=now
        )
    except (EmptyBatchError, UnreadableBodyError):
        return None
    if parsed.faults or len(parsed.rows) > SMALL_ROWS:
        return None
    sender.charge(parsed.entries)
    return WriteBatch(sender.organization_id, sender.retention_days, now, parsed.rows)


def conclude(batch: WriteBatch, outcome: WriteOutcome, faults: Sequence[Fault] = ()) -> Answer:
    """Counts and announces what is durable now, and makes the answer."""
    metrics.logs_ingested.inc(outcome.stored)
    if outcome.duplicates:
        metrics.logs_duplicate.inc(outcome.duplicates)
    if faults:
        metrics.dead_letters.labels(kind="entry").inc(len(faults))
    if outcome.stored:
        _announce(batch.organization_id, batch.rows, outcome.stored)
    return Answer(_answer_body(outcome, faults))


def _write(batch: WriteBatch, *, answer: AnswerWriter | None = None) -> WriteOutcome:
    try:
        return log_store().write(batch, answer=answer)
    except (LogStoreBusyError, LogStoreUnavailableError) as error:
        raise unavailable(error) from error


def unavailable(error: LogStoreBusyError | LogStoreUnavailableError) -> Unavailable:
    """What a sender is told when the store did not take its logs."""
    if isinstance(error, LogStoreBusyError):
        return Unavailable(f"Too much waits already: {error}. Nothing was stored.", retry_after=BUSY_RETRY_SECONDS)
    return Unavailable(
        "The database is away. Nothing counts as stored; send the request again.",
        retry_after=UNAVAILABLE_RETRY_SECONDS,
    )


def _dead_letter(sender: Sender, fault: Fault) -> DeadLetterRow:
    return DeadLetterRow(
        service_id=sender.service_id,
        kind=DeadLetter.Kind.ENTRY.value,
        reason=fault.reason,
        content=fault.content,
        content_type="application/json",
        content_encoding="",
        size=fault.size,
    )


def _announce(organization_id: int, rows: Sequence[LogRow], stored: int) -> None:
    """Does not ask which of a service's rows were new: a call may be one too many, never one too few."""
    by_service: dict[int, tuple[int, int]] = {}
    for row in rows:
        level, count = by_service.get(row[0], (0, 0))
        by_service[row[0]] = (row[3] if row[3] > level else level, count + 1)
    for service_id, (level, count) in by_service.items():
        wake_up_calls.stored(organization_id, service_id, Level(level), min(count, stored))


def _answer_body(outcome: WriteOutcome, faults: Sequence[Fault]) -> bytes:
    answer: dict[str, object] = {
        "received": outcome.stored,
        "duplicates_skipped": outcome.duplicates,
        "dead_lettered": len(faults),
    }
    if faults:
        in_order = sorted(faults, key=lambda fault: fault.index)[:ERRORS_PER_ANSWER]
        answer["errors"] = [{"index": fault.index, "reason": fault.reason} for fault in in_order]
    return _encode(answer)
