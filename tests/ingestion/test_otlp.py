"""OTLP: what OpenTelemetry's own SDK sends arrives, and what cannot be stored is said in the protocol's form."""

from __future__ import annotations

import gzip
import json
import logging
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import zstandard
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from ingestion.levels import Level
from ingestion.models import DeadLetter, LogEntry
from ingestion.parsers.log_entries import TooManyEntriesError, UnreadableBodyError
from ingestion.parsers.otlp import JSON, PROTOBUF, failure, read_records
from organizations.models import Service
from tests.ingestion.conftest import Shop
from tests.web import web_server


def request(*records: dict[str, Any], service: str = "checkout", **resource: str) -> ExportLogsServiceRequest:
    message = ExportLogsServiceRequest()
    group = message.resource_logs.add()
    for key, value in {"service.name": service, **resource}.items():
        if value:
            group.resource.attributes.add(key=key).value.string_value = value
    scoped = group.scope_logs.add()
    scoped.scope.name = "shop.orders"
    for fields in records:
        record = scoped.log_records.add(
            time_unix_nano=fields.get("time", time.time_ns()),
            severity_number=fields.get("severity", 17),
            trace_id=fields.get("trace_id", b""),
        )
        record.body.string_value = fields.get("message", "card declined")
        for key, value in fields.get("attributes", {}).items():
            record.attributes.add(key=key).value.string_value = value
    return message


def post(key: str, body: bytes, content_type: str = PROTOBUF, **headers: str) -> Any:
    extra = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    client = Client(raise_request_exception=False)
    extra["CONTENT_TYPE"] = content_type  # The client leaves it out where the body is empty.
    return client.post("/v1/otlp/v1/logs", body, content_type=content_type, HTTP_X_API_KEY=key, **extra)


def answer_of(response: Any) -> ExportLogsServiceResponse:
    assert response["Content-Type"] == PROTOBUF
    return ExportLogsServiceResponse.FromString(response.content)


def test_the_python_sdk_points_at_it_and_works(shop: Shop):
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.resources import Resource

    with web_server() as url:
        exporter = OTLPLogExporter(
            endpoint=f"{url}/v1/otlp/v1/logs", headers={"Authorization": f"Bearer {shop.key}"}, timeout=10
        )
        provider = LoggerProvider(resource=Resource.create({"service.name": "checkout"}), shutdown_on_exit=False)
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
        logger = logging.Logger("shop.orders")
        logger.addHandler(LoggingHandler(logger_provider=provider))
        for number in range(50):
            logger.error("card declined, order %s", number, extra={"order": number, "retry": True})
        provider.shutdown()
    with shop.world.scope():
        logs = list(LogEntry.objects.order_by("timestamp"))
    assert [log.message for log in logs] == [f"card declined, order {number}" for number in range(50)]
    newest = logs[-1]
    assert (newest.level, newest.service_id) == (Level.ERROR, shop.service.pk)
    assert newest.metadata["order"] == 49 and newest.metadata["retry"] is True
    assert newest.metadata["resource"]["telemetry.sdk.language"] == "python"
    assert newest.metadata["scope"]["name"] == "shop.orders"


def test_fields_find_their_places_in_both_encodings(shop: Shop):
    moment = time.time_ns() // 1_000 * 1_000
    trace = bytes(range(16))
    message = request({"time": moment, "severity": 24, "trace_id": trace, "attributes": {"resource": "r", "k": "v"}})
    document = {
        "resourceLogs": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "checkout"}}]},
                "scopeLogs": [
                    {
                        "scope": {"name": "shop.orders"},
                        "logRecords": [
                            {
                                "timeUnixNano": str(moment),
                                "severityNumber": 24,
                                "body": {"stringValue": "card declined"},
                                "traceId": trace.hex().upper(),
                                "attributes": [
                                    {"key": "resource", "value": {"stringValue": "r"}},
                                    {"key": "k", "value": {"stringValue": "v"}},
                                ],
                            }
                        ],
                    }
                ],
            }
        ]
    }
    packed = gzip.compress(message.SerializeToString())
    first = post(shop.key, packed, content_encoding="gzip")
    second = post(shop.key, zstandard.compress(json.dumps(document).encode()), JSON, content_encoding="zstd")
    assert (first.status_code, second.status_code) == (200, 200)
    assert not answer_of(first).HasField("partial_success") and second.json() == {}
    with shop.world.scope():
        log = LogEntry.objects.get()  # The same record in the other encoding is a duplicate.
    assert (log.level, log.trace_id) == (Level.FATAL, trace.hex())
    assert log.timestamp == datetime.fromtimestamp(moment / 1e9, UTC)
    assert log.metadata == {
        "attribute.resource": "r",
        "k": "v",
        "trace_id": trace.hex(),
        "resource": {"service.name": "checkout"},
        "scope": {"name": "shop.orders"},
    }


def test_a_gateway_names_its_services_and_what_it_cannot_name_is_rejected(shop: Shop):
    gateway = shop.world.key().key
    named = request({}, service="ledger", **{"deployment.environment.name": "staging"})
    nameless = request({}, {}, service="")
    named.MergeFrom(nameless)
    response = post(gateway, named.SerializeToString())
    partial = answer_of(response).partial_success
    assert (response.status_code, partial.rejected_log_records) == (200, 2)
    assert "name of the service" in partial.error_message
    with shop.world.scope():
        service = Service.objects.get(name="ledger")
        assert service.environment == "staging"
        assert list(LogEntry.objects.values_list("service_id", flat=True)) == [service.pk]
        letters = list(DeadLetter.objects.all())
    assert len(letters) == 2
    assert {json.loads(letter.text)["message"] for letter in letters} == {"card declined"}  # Can be replayed.


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"\xff\xff\xff", PROTOBUF, 400, 3),
        (b'{"resourceLogs": 5}', JSON, 400, 3),
        (b'{"resourceLogs": [' + b'{"scopeLogs": [' * 3_000, JSON, 400, 3),
        (b"<logs/>", "application/xml", 415, 3),
    ],
)
def test_refusals_are_statuses_of_the_protocol(shop: Shop, body: bytes, content_type: str, status: int, code: int):
    response = post(shop.key, body, content_type)
    assert response.status_code == status
    if content_type == JSON:
        assert response["Content-Type"] == JSON and response.json()["code"] == code
    else:
        assert response["Content-Type"] == PROTOBUF and response.content.startswith(bytes([8, code, 18]))
    with shop.world.scope():
        assert DeadLetter.objects.get().kind == "body"


def test_a_dead_key_is_told_in_protobuf(shop: Shop):
    response = post("ick_00000000_wrong", b"")
    assert (response.status_code, response["Content-Type"]) == (401, PROTOBUF)
    assert response.content.startswith(b"\x08\x10\x12")


def test_what_records_share_is_bounded_as_kept_with_each(shop: Shop):
    """1 MB on the wire would be 100 MB in the table."""
    message = request(*[{"message": "x", "time": 1 + n} for n in range(5_000)], blob="x" * 20_000)
    response = post(shop.key, message.SerializeToString())
    assert response.status_code == 413 and b"send fewer records" in response.content
    assert post(shop.key, request({}, blob="x" * 20_000).SerializeToString()).status_code == 200


def test_an_empty_export_is_a_success(shop: Shop):
    assert post(shop.key, b"").status_code == 200
    assert post(shop.key, b"{}", JSON).json() == {}


# ---- The parser alone ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "text", "level"),
    [(1, "", "DEBUG"), (9, "", "INFO"), (13, "", "WARN"), (20, "", "ERROR"), (21, "", "FATAL"), (0, "Warning", "WARN"),
     (0, "", "INFO"), (99, "notice", "INFO"), ("SEVERITY_NUMBER_ERROR2", "", "ERROR"), ("17", "", "ERROR")],
)  # fmt: skip
def test_severities(number: int | str, text: str, level: str):
    record = {"severityNumber": number, "severityText": text, "body": {"stringValue": "x"}}
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode()
    [(_, entry)] = read_records(body, JSON, for_gateway=False)
    assert entry.level == level
    assert entry.metadata == ({"severity_text": "notice"} if text == "notice" else {})


def test_every_kind_of_value():
    value = {
        "kvlistValue": {
            "values": [
                {"key": "list", "value": {"arrayValue": {"values": [{"intValue": "9007199254740993"}, {}]}}},
                {"key": "number", "value": {"doubleValue": "NaN"}},
                {"key": "yes", "value": {"boolValue": False}},
                {"key": "bytes", "value": {"bytesValue": "AAE="}},
            ]
        }
    }
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": value}]}]}]}).encode()
    [(_, entry)] = read_records(body, JSON, for_gateway=False)
    assert json.loads(entry.message) == {
        "list": [9007199254740993, None],
        "number": "nan",
        "yes": False,
        "bytes": "AAE=",
    }
    assert entry.timestamp is None


def test_null_is_not_set_wherever_it_stands():
    """As the JSON form of protobuf has it."""
    record = dict.fromkeys(("timeUnixNano", "severityNumber", "severityText", "attributes", "traceId", "spanId"))
    document = {
        "resourceLogs": [
            {"resource": {"attributes": None}, "scopeLogs": None},
            {
                "resource": None,
                "scopeLogs": [
                    {"scope": {"name": None, "version": None, "attributes": None}, "logRecords": None},
                    {"logRecords": [{**record, "body": {"arrayValue": {"values": None}}, "eventName": None}]},
                ],
            },
        ]
    }
    [(_, entry)] = read_records(json.dumps(document).encode(), JSON, for_gateway=False)
    assert (entry.level, entry.message, entry.timestamp, entry.metadata) == ("INFO", "[]", None, {})
    assert read_records(b'{"resourceLogs": null}', JSON, for_gateway=False) == []


@given(st.binary(max_size=200), st.sampled_from([PROTOBUF, JSON]))
def test_any_bytes_are_read_or_refused(body: bytes, media_type: str):
    try:
        read_records(body, media_type, for_gateway=True)
    except UnreadableBodyError as error:
        assert str(error)


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_any_time_becomes_a_timestamp_or_none(nanoseconds: int):
    message = request({"time": nanoseconds}).SerializeToString()
    [(_, entry)] = read_records(message, PROTOBUF, for_gateway=False)
    assert (entry.timestamp is None) == (nanoseconds == 0)


@pytest.mark.parametrize("media_type", [PROTOBUF, JSON])
def test_resources_and_scopes_without_records_are_counted_too(media_type: str):
    document = {"resourceLogs": [{"scopeLogs": [{}] * 300}] * 200}
    groups = ExportLogsServiceRequest()
    for _ in range(200):
        scopes = groups.resource_logs.add().scope_logs
        for _ in range(300):
            scopes.add()
    for body in (
        (b"\x0a\x00" * 60_000, groups.SerializeToString())
        if media_type == PROTOBUF
        else (json.dumps({"resourceLogs": [{}] * 60_000}).encode(), json.dumps(document).encode())
    ):
        with pytest.raises(TooManyEntriesError):
            read_records(body, media_type, for_gateway=False)


def test_a_long_status_has_a_length_of_two_bytes():
    assert failure(PROTOBUF, 14, "x" * 300)[:5] == b"\x08\x0e\x12\xac\x02"
