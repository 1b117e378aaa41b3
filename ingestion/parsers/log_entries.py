"""The body of ``POST /v1/ingest``: one log, or ``{"logs": [log, …]}``, to rows and faults.

The whole batch is decoded in one typed pass. Only when that fails is it taken apart, entry by entry, so that
one malformed entry does not cost the other 999.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec

from ingestion.levels import NAMES, SPELLINGS
from ingestion.limits import (
    DEAD_LETTER_BYTES,
    ENTRIES_PER_REQUEST,
    FUTURE,
    MESSAGE_BYTES,
    METADATA_DEPTH,
    REASON_CHARACTERS,
    TRACE_ID_CHARACTERS,
)
from ingestion.parsers.canonical import EMPTY, UnstorableError, canonical_metadata, content_hash

#: (service_id, timestamp in microseconds since 1970, hash, level, message in UTF-8, canonical metadata,
#: trace_id in UTF-8). A plain tuple, because ten thousand of them are made per request; its natural order is
#: the order of the table's key.
LogRow = tuple[int, int, int, int, bytes, bytes, bytes | None]

#: Finds or makes the service that an entry names; a refusal is a ValueError whose text becomes the reason.
ServiceResolver = Callable[[str, str], int]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LONE_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u....)\\u[dD][c-fC-F]", re.DOTALL
)


class UnreadableBodyError(ValueError):
    """The body as a whole cannot be read; the text says why, for its sender."""


class TooManyEntriesError(UnreadableBodyError):
    """More entries than one request may carry."""


class EmptyBatchError(ValueError):
    """``{"logs": []}``: readable, but there is nothing in it to receive."""


class Entry(msgspec.Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """One log as it is sent. ``service`` and ``environment`` are for gateway keys only."""

    level: str
    message: str
    timestamp: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    metadata: dict[str, Any] | None = None
    service: str | None = None
    environment: str | None = None


class Envelope(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A whole request. The fields beside ``logs`` are those of a single log, or a gateway's defaults for its
    entries.
    """

    logs: list[Entry] | msgspec.UnsetType = msgspec.UNSET
    level: str | msgspec.UnsetType = msgspec.UNSET
    message: str | msgspec.UnsetType = msgspec.UNSET
    timestamp: Annotated[datetime, msgspec.Meta(tz=True)] | msgspec.UnsetType | None = msgspec.UNSET
    metadata: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    service: str | None = None
    environment: str | None = None


class LooseEnvelope(msgspec.Struct, gc=False):
    """Only takes a batch apart; the entries are judged one by one."""

    logs: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    service: str | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """An entry that cannot be stored: its place in the request, why, and what was sent."""

    index: int
    reason: str
    content: bytes
    size: int
    """Of the entry in bytes; ``content`` holds at most the first 64 KiB."""


@dataclass(slots=True)
class ParsedLogs:
    """What a body became: ``entries == len(rows) + len(faults)``. Rows may still hold the same log twice."""

    rows: list[LogRow] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @property
    def entries(self) -> int:
        return len(self.rows) + len(self.faults)


_decode_envelope = msgspec.json.Decoder(Envelope).decode
_decode_loose = msgspec.json.Decoder(LooseEnvelope).decode
_decode_entry = msgspec.json.Decoder(Entry).decode
_encode_entry = msgspec.json.Encoder().encode


def parse_logs(
    body: bytes,
    *,
    service_id: int | None,
    retention: timedelta,
    now: datetime,
    resolve_service: ServiceResolver | None = None,
) -> ParsedLogs:
    """Rows to store and faults to keep, of one unpacked body.

    Args:
        service_id: the key's service, or None where a gateway's entries name theirs.
        retention: an entry older than this is a fault: its partition is gone.
        now: the server's clock, aware; the timestamp of entries that have none.
        resolve_service: for gateway keys, (name, environment) to a service's id.

    Raises:
        UnreadableBodyError: not JSON, or not of the documented form.
        EmptyBatchError: no entries.
    """
    parsed = ParsedLogs()
    entries, default_service, default_environment = _decode(body, parsed.faults)
    if not entries and not parsed.faults:
        raise EmptyBatchError("logs: at least one entry is expected")
    services = _Services(service_id, resolve_service, default_service, default_environment)
    _judge_at(entries, parsed, services, retention, now)
    return parsed


def rows_of(
    entries: list[tuple[int, Entry]],
    *,
    service_id: int | None,
    retention: timedelta,
    now: datetime,
    resolve_service: ServiceResolver | None = None,
) -> ParsedLogs:
    """As ``parse_logs``, of entries that another protocol's parser made; each with its place in the request."""
    parsed = ParsedLogs()
    _judge_at(entries, parsed, _Services(service_id, resolve_service, None, None), retention, now)
    return parsed


def _judge_at(
    entries: list[tuple[int, Entry]], parsed: ParsedLogs, services: _Services, retention: timedelta, now: datetime
) -> None:
    _judge(
        entries,
        parsed,
        services=services,
        oldest=_microseconds(now - retention),
        newest=_microseconds(now + FUTURE),
        now=_microseconds(now),
    )


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // _MICROSECOND


# ---- Decoding ----------------------------------------------------------------------------------------------


def _decode(body: bytes, faults: list[Fault]) -> tuple[list[tuple[int, Entry]], str | None, str | None]:
    try:
        envelope = _decode_envelope(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_apart(body, faults)
    if envelope.logs is msgspec.UNSET:
        return _decode_apart(body, faults)  # A single log: rarer in volume, and this names what it lacks.
    if any(
        value is not msgspec.UNSET
        for value in (envelope.level, envelope.message, envelope.timestamp, envelope.metadata)
    ):
        raise UnreadableBodyError('the body is either one log or {"logs": [...]}, not both')
    _check_count(len(envelope.logs))
    return list(enumerate(envelope.logs)), envelope.service, envelope.environment


def _decode_apart(body: bytes, faults: list[Fault]) -> tuple[list[tuple[int, Entry]], str | None, str | None]:
    envelope, pieces = _take_apart(body)
    if pieces is None:
        entries = _decode_pieces([body], faults)
        return entries, None, None
    return _decode_pieces(pieces, faults), envelope.service, envelope.environment


def _take_apart(body: bytes) -> tuple[LooseEnvelope, list[bytes] | None]:
    """The envelope and its entries as raw JSON; None for the entries where the body is a single log."""
    try:
        envelope = _decode_loose(body)
        if envelope.logs is msgspec.UNSET:
            return envelope, None
        _check_count(len(envelope.logs))
        return envelope, [bytes(piece) for piece in envelope.logs]
    except RecursionError:
        raise UnreadableBodyError("nested too deep to be read") from None
    except msgspec.ValidationError as error:
        raise UnreadableBodyError(_describe(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if not _LONE_SURROGATE.search(body):
            raise UnreadableBodyError(_describe(error)) from error
    # A lone surrogate (Python's surrogateescape makes them of undecodable file names) stops msgspec in the
    # middle of the body. The standard library reads over it, slowly, so that only the entries which hold one
    # are lost.
    try:
        loose = json.loads(body.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise UnreadableBodyError(f"not readable as JSON: {error}") from error
    if not isinstance(loose, dict):
        raise UnreadableBodyError("expected a JSON object")
    logs = loose.pop("logs", None)
    if not isinstance(logs, list):
        return LooseEnvelope(), None
    _check_count(len(logs))
    pieces = [json.dumps(entry, separators=(",", ":")).encode() for entry in logs]
    names = {name: loose[name] for name in ("service", "environment") if isinstance(loose.get(name), str)}
    return LooseEnvelope(**names), pieces


def _decode_pieces(pieces: Iterable[bytes], faults: list[Fault]) -> list[tuple[int, Entry]]:
    entries: list[tuple[int, Entry]] = []
    for index, piece in enumerate(pieces):
        try:
            entries.append((index, _decode_entry(piece)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            faults.append(_fault(index, _reason(error, piece), piece))
    return entries


def _fault(index: int, reason: str, content: bytes) -> Fault:
    return Fault(index, reason, content[:DEAD_LETTER_BYTES], len(content))


def _check_count(entries: int) -> None:
    if entries > ENTRIES_PER_REQUEST:
        raise TooManyEntriesError(f"{entries} entries in one request, more than the {ENTRIES_PER_REQUEST} allowed")


def _reason(error: Exception, piece: bytes) -> str:
    if isinstance(error, RecursionError):
        return f"metadata: nested deeper than {METADATA_DEPTH} levels"
    if not isinstance(error, msgspec.ValidationError) and _LONE_SURROGATE.search(piece):
        return "holds a lone surrogate (\\ud800 to \\udfff without its other half), which is not valid Unicode"
    return _describe(error)


def _describe(error: Exception) -> str:
    """msgspec's message with the path in front, as the rest of the API writes it."""
    if isinstance(error, UnicodeDecodeError):
        return "not valid UTF-8"
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return f"not readable as JSON: {text}"
    text, _, path = text.partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    sentence = text.replace("Object contains unknown field", "unknown field")
    sentence = sentence.replace("Object missing required field", "missing field")
    if sentence.startswith("unknown field"):
        sentence += "; what is your own belongs into metadata"
    sentence = sentence[:1].lower() + sentence[1:]
    return printable(f"{path}: {sentence}" if path else sentence)


def printable(reason: str) -> str:
    """A reason may quote a field's name as its sender wrote it: of any length, and with characters that cannot be
    stored.
    """
    if len(reason) > REASON_CHARACTERS:
        reason = reason[:REASON_CHARACTERS] + "…"
    return reason if reason.isprintable() else "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in reason)


# ---- Judging -----------------------------------------------------------------------------------------------


class _Services:
    """Which service an entry belongs to, remembered for the length of one request."""

    def __init__(
        self,
        own: int | None,
        resolve: ServiceResolver | None,
        default_name: str | None,
        default_environment: str | None,
    ) -> None:
        self.own = own
        self._resolve = resolve
        self._default = (default_name, default_environment)
        self._known: dict[tuple[str, str], int | ValueError] = {}
        self.plain = own is not None and default_name is None and default_environment is None

    def of(self, entry: Entry) -> int:
        name = entry.service if entry.service is not None else self._default[0]
        environment = entry.environment if entry.environment is not None else self._default[1]
        if self.own is not None:
            if name is not None or environment is not None:
                raise ValueError("service: this key belongs to one service; only gateway keys name it in the entry")
            return self.own
        if not name:
            raise ValueError("service: a gateway key needs the name of the service")
        key = (name, environment or "")
        if key not in self._known:
            assert self._resolve is not None, "a gateway key needs a resolver"
            try:
                self._known[key] = self._resolve(*key)
            except ValueError as error:
                self._known[key] = error
        found = self._known[key]
        if isinstance(found, ValueError):
            raise found
        return found


def _judge(
    entries: list[tuple[int, Entry]],
    parsed: ParsedLogs,
    *,
    services: _Services,
    oldest: int,
    newest: int,
    now: int,
) -> None:
    """The loop over every log that is ever received. What is looked up or called in it is chosen with that in
    mind.
    """
    append = parsed.rows.append
    nonce = b""
    for index, entry in entries:
        try:
            level = SPELLINGS.get(entry.level)
            if level is None:
                level = _unusual_level(entry.level)
            service_id = (
                services.own
                if services.plain and entry.service is None and entry.environment is None
                else services.of(entry)
            )
            message = entry.message.encode()
            if len(message) > MESSAGE_BYTES:
                raise ValueError(f"message: {len(message)} bytes, more than the {MESSAGE_BYTES} allowed")
            if b"\0" in message:
                raise ValueError("message: holds the character U+0000, which cannot be stored")
            fields = entry.metadata
            trace_id = None
            if fields:
                metadata = canonical_metadata(fields)
                found = fields.get("trace_id")
                if type(found) is str and 0 < len(found) <= TRACE_ID_CHARACTERS:
                    trace_id = found.encode()
            else:
                metadata = EMPTY
            if entry.timestamp is None:
                # Nobody can tell a retry from a repetition here, so nothing is taken for a duplicate: each
                # such log gets a microsecond and a hash of its own. An Idempotency-Key makes the retry safe.
                timestamp = now + index
                nonce = nonce or os.urandom(8)
                prefix = b"%d\0%d\0%b%d" % (service_id, timestamp, nonce, index)  # type: ignore[str-format]
            else:
                timestamp = (entry.timestamp - EPOCH) // _MICROSECOND
                if not oldest <= timestamp <= newest:
                    raise ValueError(_outside(timestamp, newest))
                prefix = b"%d\0%d" % (service_id, timestamp)  # type: ignore[str-format]
        except (ValueError, UnstorableError) as error:
            parsed.faults.append(_fault(index, str(error), _encode_entry(entry)))
            continue
        append(
            (
                service_id,  # type: ignore[arg-type]  # plain implies that the key has a service
                timestamp,
                content_hash(prefix, level, message, metadata),
                level,
                message,
                metadata,
                trace_id,
            )
        )


def _unusual_level(text: str) -> int:
    level = SPELLINGS.get(text.strip().upper())
    if level is None:
        raise ValueError(f"level: {text[:40]!r} is not one of {NAMES}")
    return level


def _outside(timestamp: int, newest: int) -> str:
    if timestamp > newest:
        return f"timestamp: more than {FUTURE.days * 24} hours in the future; is the sender's clock right?"
    return "timestamp: older than the organization keeps its logs"
