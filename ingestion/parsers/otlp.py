"""OTLP logs, as protobuf or JSON, to the entries that ``log_entries`` judges.

Sources: the OTLP specification 1.x (encodings, partial success) and the logs data model of OpenTelemetry. Where a
record goes:

- ``severity_number`` decides the level (TRACE counts as DEBUG), without it ``severity_text``, without both INFO;
- the body is the message, as JSON where it is not a text;
- attributes become metadata under their own names, the resource's under ``resource``, the scope under ``scope``;
- ``trace_id`` and ``span_id`` in hexadecimal, in the metadata;
- ``service.name`` and ``deployment.environment.name`` (before: ``deployment.environment``) name the service where
  the key is a gateway's.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from ingestion.levels import SPELLINGS, Level
from ingestion.limits import MIB, OTLP_RECORDS_PER_REQUEST, OTLP_SHARED_BYTES
from ingestion.parsers.encoding import TooLargeError
from ingestion.parsers.log_entries import EPOCH, Entry, TooManyEntriesError, UnreadableBodyError

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
MEDIA_TYPES = (PROTOBUF, JSON)

#: Names that mean something in the metadata; an attribute that is called so is kept under ``attribute.<name>``.
_RESERVED = frozenset({"resource", "scope", "trace_id", "span_id"})
_ENVIRONMENTS = ("deployment.environment.name", "deployment.environment")
#: The last nanosecond of the year 9999: a later time cannot be written down, and is refused as too far ahead anyway.
_LATEST_NANOSECOND = 253_402_300_799_999_999_999
_DEEPEST = 50


# ---- The JSON encoding (lowerCamelCase, ids in hexadecimal, 64-bit integers as texts; null is "not set") -------------


class _Value(msgspec.Struct, gc=False, rename="camel"):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    array_value: _Array | None = None
    kvlist_value: _Pairs | None = None
    bytes_value: str | None = None


class _Array(msgspec.Struct):
    values: list[_Value] | None = None


class _Pair(msgspec.Struct, gc=False):
    key: str | None = None
    value: _Value | None = None


class _Pairs(msgspec.Struct):
    values: list[_Pair] | None = None


class _Record(msgspec.Struct, gc=False, rename="camel"):
    time_unix_nano: int | str | None = None
    observed_time_unix_nano: int | str | None = None
    severity_number: int | str | None = None
    severity_text: str | None = None
    body: _Value | None = None
    attributes: list[_Pair] | None = None
    trace_id: str | None = None
    span_id: str | None = None
    event_name: str | None = None
    dropped_attributes_count: int | None = None


class _Scope(msgspec.Struct):
    name: str | None = None
    version: str | None = None
    attributes: list[_Pair] | None = None


class _ScopeLogs(msgspec.Struct, rename="camel"):
    scope: _Scope | None = None
    log_records: list[_Record] | None = None


class _Resource(msgspec.Struct):
    attributes: list[_Pair] | None = None


class _ResourceLogs(msgspec.Struct, rename="camel"):
    resource: _Resource | None = None
    scope_logs: list[_ScopeLogs] | None = None


class _Request(msgspec.Struct, rename="camel"):
    resource_logs: list[_ResourceLogs] | None = None


_decode_json = msgspec.json.Decoder(_Request).decode
_encode_json = msgspec.json.Encoder().encode


@dataclass(slots=True)
class _Origin:
    """What the records of one scope share."""

    service: str | None
    environment: str | None
    shared: dict[str, Any] = field(default_factory=dict)


def read_records(body: bytes, media_type: str, *, for_gateway: bool) -> list[tuple[int, Entry]]:
    """The records of a request in order, as entries; none is judged yet.

    Args:
        media_type: one of ``MEDIA_TYPES``.
        for_gateway: whether the resources name the services, or the key does.

    Raises:
        UnreadableBodyError: not an ``ExportLogsServiceRequest``.
        TooManyEntriesError: more than 50,000 records, resources or scopes.
        TooLargeError: what they share comes to more than 64 MiB when each has it.
    """
    records = _from_protobuf(body) if media_type == PROTOBUF else _from_json(body)
    entries: list[tuple[int, Entry]] = []
    last: _Origin | None = None
    size = total = 0
    for origin, entry in records:
        if len(entries) >= OTLP_RECORDS_PER_REQUEST:
            raise TooManyEntriesError(f"more than {OTLP_RECORDS_PER_REQUEST} records in one request")
        if origin is not last:
            last, size = origin, len(_encode_json(origin.shared))
        total += size
        if total > OTLP_SHARED_BYTES:
            raise TooLargeError(
                f"the attributes of resources and scopes, kept with each of their records, come to more than"
                f" {OTLP_SHARED_BYTES // MIB} MiB; send fewer records at a time"
            )
        assert entry.metadata is not None
        entry.metadata.update(origin.shared)
        if for_gateway:
            entry.service, entry.environment = origin.service, origin.environment
        entries.append((len(entries), entry))
    return entries


_Read = tuple[_Origin, Entry]


def _from_protobuf(body: bytes) -> Iterator[_Read]:
    try:
        request = ExportLogsServiceRequest.FromString(body)
    except DecodeError:
        raise UnreadableBodyError("not readable as the protobuf message ExportLogsServiceRequest") from None
    _refuse_too_many(request.resource_logs)
    for group in request.resource_logs:
        resource = {pair.key: _protobuf_value(pair.value) for pair in group.resource.attributes}
        for scoped in group.scope_logs:
            scope = scoped.scope
            attributes = {pair.key: _protobuf_value(pair.value) for pair in scope.attributes}
            origin = _origin(resource, scope.name, scope.version, attributes)
            for record in scoped.log_records:
                yield (
                    origin,
                    _entry(
                        time=record.time_unix_nano or record.observed_time_unix_nano,
                        number=record.severity_number,
                        text=record.severity_text,
                        body=_protobuf_value(record.body),
                        attributes=[(pair.key, _protobuf_value(pair.value)) for pair in record.attributes],
                        trace_id=record.trace_id.hex(),
                        span_id=record.span_id.hex(),
                        event_name=record.event_name,
                        dropped=record.dropped_attributes_count,
                    ),
                )


def _from_json(body: bytes) -> Iterator[_Read]:
    try:
        request = _decode_json(body)
    except RecursionError:
        raise UnreadableBodyError("nested too deep to be read") from None
    except UnicodeDecodeError:
        raise UnreadableBodyError("not valid UTF-8") from None
    except msgspec.DecodeError as error:
        raise UnreadableBodyError(f"not readable as the JSON form of ExportLogsServiceRequest: {error}") from None
    _refuse_too_many(request.resource_logs or ())
    try:
        yield from _records_of_json(request)
    except ValueError as error:
        raise UnreadableBodyError(f"not readable as the JSON form of ExportLogsServiceRequest: {error}") from None


def _records_of_json(request: _Request) -> Iterator[_Read]:
    for group in request.resource_logs or ():
        resource = dict(_json_pairs(group.resource.attributes)) if group.resource else {}
        for scoped in group.scope_logs or ():
            scope = scoped.scope or _Scope()
            described = dict(_json_pairs(scope.attributes))
            origin = _origin(resource, scope.name or "", scope.version or "", described)
            for record in scoped.log_records or ():
                yield (
                    origin,
                    _entry(
                        time=int(record.time_unix_nano or 0) or int(record.observed_time_unix_nano or 0),
                        number=_severity_number(record.severity_number or 0),
                        text=record.severity_text or "",
                        body=_json_value(record.body),
                        attributes=_json_pairs(record.attributes),
                        trace_id=(record.trace_id or "").lower(),
                        span_id=(record.span_id or "").lower(),
                        event_name=record.event_name or "",
                        dropped=record.dropped_attributes_count or 0,
                    ),
                )


def _refuse_too_many(groups: Sequence[Any]) -> None:
    """What holds no record takes its time as well: ten megabytes hold five million empty resources."""
    most = OTLP_RECORDS_PER_REQUEST
    if len(groups) > most or sum(len(group.scope_logs or ()) for group in groups) > most:
        raise TooManyEntriesError(f"more than {most} resources or scopes in one request")


# ---- One record ------------------------------------------------------------------------------------------------


def _entry(
    *,
    time: int,
    number: int,
    text: str,
    body: Any,
    attributes: Iterable[tuple[str, Any]],
    trace_id: str,
    span_id: str,
    event_name: str,
    dropped: int,
) -> Entry:
    metadata = {f"attribute.{key}" if key in _RESERVED else key: value for key, value in attributes}
    if trace_id.strip("0"):  # All zeros is how an absent id is written.
        metadata["trace_id"] = trace_id
    if span_id.strip("0"):
        metadata["span_id"] = span_id
    if event_name:
        metadata.setdefault("event.name", event_name)
    if dropped:
        metadata["dropped_attributes_count"] = dropped
    level, said = _level(number, text)
    if not said:
        metadata.setdefault("severity_text", text)
    message = body if isinstance(body, str) else event_name if body is None else _encode_json(body).decode()
    moment = EPOCH + timedelta(microseconds=min(max(time, 0), _LATEST_NANOSECOND) // 1_000) if time else None
    return Entry(level=level, message=message, timestamp=moment, metadata=metadata)


def _level(number: int, text: str) -> tuple[str, bool]:
    """The level, and whether it says all that ``text`` does."""
    spelt = SPELLINGS.get(text) or SPELLINGS.get(text.strip().upper())
    if not 1 <= number <= 24:
        return Level(spelt or Level.INFO).name, spelt is not None or not text
    level = (Level.DEBUG, Level.DEBUG, Level.INFO, Level.WARN, Level.ERROR, Level.FATAL)[(number - 1) // 4]
    return level.name, not text or spelt == level


_SEVERITIES = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")


def _severity_number(written: int | str) -> int:
    """The specification wants integers; some senders write the enum's name (``SEVERITY_NUMBER_ERROR2``)."""
    if isinstance(written, int):
        return written
    name = written.removeprefix("SEVERITY_NUMBER_")
    stem = name.rstrip("234")
    if stem not in _SEVERITIES:
        return int(written) if written.isdecimal() else 0
    return _SEVERITIES.index(stem) * 4 + (int(name[len(stem) :]) if name != stem else 1)


def _origin(resource: dict[str, Any], scope: str, version: str, attributes: dict[str, Any]) -> _Origin:
    service = resource.get("service.name")
    environment = next((resource[name] for name in _ENVIRONMENTS if resource.get(name)), None)
    shared: dict[str, Any] = {"resource": resource} if resource else {}
    described = {"name": scope, "version": version, **({"attributes": attributes} if attributes else {})}
    if any(described.values()):
        shared["scope"] = {key: value for key, value in described.items() if value}
    return _Origin(
        service=service if isinstance(service, str) else None,
        environment=environment if isinstance(environment, str) else None,
        shared=shared,
    )


# ---- Values ------------------------------------------------------------------------------------------------


def _protobuf_value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_protobuf_value(each) for each in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _protobuf_value(pair.value) for pair in value.kvlist_value.values}
    found = getattr(value, kind)
    if kind == "bytes_value":
        return base64.b64encode(found).decode()
    return _number(found) if kind == "double_value" else found


def _json_pairs(pairs: Iterable[_Pair] | None) -> list[tuple[str, Any]]:
    return [(pair.key or "", _json_value(pair.value)) for pair in pairs or ()]


def _json_value(value: _Value | None, depth: int = 0) -> Any:
    if value is None:
        return None
    if depth > _DEEPEST:
        raise ValueError("a value is nested too deep")
    if value.string_value is not None:
        return value.string_value
    if value.int_value is not None:
        return int(value.int_value)
    if value.bool_value is not None:
        return value.bool_value
    if value.double_value is not None:
        return _number(float(value.double_value))
    if value.array_value is not None:
        return [_json_value(each, depth + 1) for each in value.array_value.values or ()]
    if value.kvlist_value is not None:
        pairs = value.kvlist_value.values or ()
        return {pair.key or "": _json_value(pair.value, depth + 1) for pair in pairs}
    return value.bytes_value


def _number(value: float) -> float | str:
    """JSON has no word for infinity or for what is not a number."""
    return value if math.isfinite(value) else str(value)


# ---- Answers ---------------------------------------------------------------------------------------------------


def success(media_type: str, rejected: int = 0, reason: str = "") -> bytes:
    """``ExportLogsServiceResponse``; ``partial_success`` is there only where something was rejected."""
    if media_type == JSON:
        partial = {"rejectedLogRecords": str(rejected), "errorMessage": reason}
        return _encode_json({"partialSuccess": partial} if rejected else {})
    if not rejected:
        return ExportLogsServiceResponse().SerializeToString()
    failed = ExportLogsPartialSuccess(rejected_log_records=rejected, error_message=reason)
    return ExportLogsServiceResponse(partial_success=failed).SerializeToString()


def failure(media_type: str, code: int, message: str) -> bytes:
    """``google.rpc.Status`` with a gRPC code: field 1 the code, field 2 the message."""
    if media_type == JSON:
        return _encode_json({"code": code, "message": message})
    text = message.encode()
    return b"\x08" + _varint(code) + b"\x12" + _varint(len(text)) + text


def _varint(value: int) -> bytes:
    pieces = bytearray()
    while value > 0x7F:
        pieces.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*pieces, value])
