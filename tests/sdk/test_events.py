"""What a record becomes: levels, metadata, exceptions, redaction. Nothing in it can hurt the application."""

from __future__ import annotations

import json
import logging
import math
import threading
import uuid
from datetime import datetime
from decimal import Decimal

import pytest
from incident_center_client import redact_keys, trace_context
from incident_center_client.events import LONGEST_MESSAGE, DistinctTimes, EventEncoder, level_name
from incident_center_client.safe_json import LONGEST_TEXT, JsonSanitizer

from .conftest import PATIENCE


def record(message="hello", *arguments, level=logging.INFO, exc_info=None, **extra):
    made = logging.LogRecord("shop.cart", level, "/srv/shop/cart.py", 42, message, arguments, exc_info, "add")
    made.__dict__.update(extra)
    return made


def encoded(made, metadata=None, redact=None):
    return json.loads(EventEncoder(metadata, redact).encode(made))


class Hostile:
    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("level", "name"),
    [
        (0, "DEBUG"),
        (5, "DEBUG"),
        (10, "DEBUG"),
        (20, "INFO"),
        (25, "INFO"),
        (30, "WARN"),
        (40, "ERROR"),
        (50, "FATAL"),
        (99, "FATAL"),
    ],
)
def test_levels(level, name):
    assert level_name(level) == name


def test_a_record_says_when_and_where():
    made = record("order %d", 7)
    made.created = 1_700_000_000.123456
    event = encoded(made)
    assert event["timestamp"] == "2023-11-14T22:13:20.123456Z"
    assert (event["level"], event["message"]) == ("INFO", "order 7")
    metadata = event["metadata"]
    assert (metadata["logger"], metadata["file"], metadata["line"]) == ("shop.cart", "/srv/shop/cart.py", 42)
    assert metadata["function"] == "add"
    assert metadata["process"] == made.process


def test_equal_moments_become_distinct_ones():
    times = DistinctTimes()
    assert [times.claim(5.0) for _ in range(3)] == [5_000_000, 5_000_001, 5_000_002]
    assert times.claim(4.0) == 4_000_000


def test_extra_fields_and_common_metadata():
    event = encoded(record(order=7, customer={"id": uuid.UUID(int=1)}, version="2"), {"version": "1", "region": "eu"})
    metadata = event["metadata"]
    assert (metadata["order"], metadata["region"], metadata["version"]) == (7, "eu", "2")
    assert metadata["customer"] == {"id": "00000000-0000-0000-0000-000000000001"}


def test_an_exception_arrives_with_its_cause():
    try:
        try:
            raise KeyError("card")
        except KeyError as error:
            raise ValueError("payment failed") from error
    except ValueError as error:
        event = encoded(record(exc_info=(type(error), error, error.__traceback__)))
    exception = event["metadata"]["exception"]
    assert (exception["type"], exception["message"]) == ("ValueError", "payment failed")
    assert "KeyError: 'card'" in exception["stacktrace"]
    assert "direct cause" in exception["stacktrace"]


def test_exc_info_without_an_exception_is_nothing():
    assert encoded(record(exc_info=(None, None, None)))["metadata"].get("exception") is None


def test_trace_id_of_the_context_and_of_the_record():
    with trace_context("0af7651916cd43dd8448eb211c80319c") as context:
        metadata = encoded(record())["metadata"]
        assert metadata["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
        assert metadata["span_id"] == context.span_id
        assert encoded(record(trace_id="given"))["metadata"]["trace_id"] == "given"
    assert "trace_id" not in encoded(record())["metadata"]
    assert encoded(record(otelTraceID="0af7"))["metadata"]["trace_id"] == "0af7"
    assert "trace_id" not in encoded(record(otelTraceID="0"))["metadata"]


def test_values_that_are_not_json():
    event = encoded(
        record(
            hostile=Hostile(),
            lock=threading.Lock(),
            nan=math.nan,
            huge=2**100,
            price=Decimal("1.10"),
            at=datetime.fromisoformat("2025-01-01T00:00:00+00:00"),
            raw=b"\xff\x00",
            surrogate="a\udc80b\x00c",
            several={1},
            **{"key\udc80": 1},
        )
    )
    metadata = event["metadata"]
    assert metadata["hostile"] == "<Hostile, whose repr raised RuntimeError>"
    assert metadata["lock"].startswith("<unlocked _thread.lock")
    assert metadata["nan"] == "nan"
    assert metadata["huge"] == hex(2**100)
    assert (metadata["price"], metadata["at"]) == ("1.10", "2025-01-01T00:00:00+00:00")
    assert metadata["surrogate"] == "a?b\ufffdc"
    assert metadata["several"] == [1]
    assert metadata["key?"] == 1


def test_depth_and_size_are_bounded():
    deep: dict[str, object] = {}
    deep["self"] = deep
    event = encoded(record("m" * 10**6, deep=deep, long="x" * 10**6, many=list(range(10**5)), texts=["y" * 9000] * 100))
    assert len(event["message"]) < LONGEST_MESSAGE + 100
    assert len(event["metadata"]["long"]) < LONGEST_TEXT + 100
    assert len(json.dumps(event["metadata"])) < 32 * 1024


@pytest.mark.parametrize("text", ["x", "é", "日", "🔥", '"', "\n"])
def test_what_the_server_would_refuse_for_its_size_is_cut_before(text):
    def explode(depth):
        if depth:
            explode(depth - 1)
        raise RuntimeError(text * 10**5)

    try:
        explode(100)
    except RuntimeError as error:
        exc_info = (type(error), error, error.__traceback__)
    fields = {f"field_{number}": text * 10**4 for number in range(1000)}
    metadata = encoded(record(text * 10**6, exc_info=exc_info, **fields))["metadata"]
    assert len(json.dumps(metadata)) < 32 * 1024
    assert (metadata["logger"], metadata["line"]) == ("shop.cart", 42)
    assert len(encoded(record(text * 10**6))["message"].encode()) < 64 * 1024


def test_a_mapping_that_changes_while_it_is_read():
    class Moving(dict):
        def items(self):
            raise RuntimeError("dictionary changed size during iteration")

    assert JsonSanitizer().clean(Moving(a=1)) == "{'a': 1}"


@pytest.mark.parametrize("arguments", [("text",), (Hostile(),)])
def test_a_message_that_cannot_be_formatted_still_arrives(arguments):
    assert encoded(record("order %d", *arguments))["message"].startswith("order %d [arguments could not be")


def test_redaction_of_keys():
    event = encoded(
        record(password="secret", request={"headers": [{"Authorization": "Bearer x"}]}),
        redact=redact_keys("password", "authorization"),
    )
    assert event["metadata"]["password"] == "[redacted]"
    assert event["metadata"]["request"] == {"headers": [{"Authorization": "[redacted]"}]}


# Through the handler


def test_a_hook_may_change_and_leave_out_records(intake, new_handler, new_logger):
    def redact(event):
        if "health" in event["message"]:
            return None
        event["message"] = event["message"].replace("4111", "****")
        return event

    handler = new_handler(redact=redact)
    logger = new_logger(handler)
    logger.info("health check")
    logger.error("card 4111")
    assert intake.wait_for_messages(1) == ["card ****"]
    assert handler.statistics.redacted == 1


def test_a_failing_hook_sends_nothing_and_does_not_tell_the_secret(intake, new_handler, new_logger, capfd):
    def redact(event):
        raise ValueError(event["message"])

    handler = new_handler(redact=redact)
    new_logger(handler).error("secret")
    handler.close()
    assert intake.requests == []
    assert handler.statistics.dropped == 1
    errors = capfd.readouterr().err
    assert "1 log records dropped" in errors
    assert "secret" not in errors


def test_a_hook_that_logs_does_not_recurse(intake, new_handler, new_logger):
    def redact(event):
        logger.warning("from the hook")
        return event

    handler = new_handler(redact=redact)
    logger = new_logger(handler)
    logger.error("once")
    assert handler.flush(PATIENCE)
    assert intake.messages == ["once"]


def test_records_of_the_sending_thread_do_not_come_back(intake, new_handler, new_logger, monkeypatch):
    """As with a tracing library that wraps http.client and logs each request."""
    import http.client

    original = http.client.HTTPConnection.request

    def request(self, *arguments, **settings):
        logger.error("a request was made")
        return original(self, *arguments, **settings)

    monkeypatch.setattr(http.client.HTTPConnection, "request", request)
    handler = new_handler()
    logger = new_logger(handler)
    for number in range(3):
        logger.error("%d", number)
        assert handler.flush(PATIENCE)
    assert intake.messages == ["0", "1", "2"]


def test_configured_by_dictionary(intake):
    import logging.config

    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {
                "center": {
                    "class": "incident_center_client.IncidentCenterHandler",
                    "url": intake.url,
                    "key": "ick_test",
                    "level": "WARNING",
                }
            },
            "loggers": {"configured": {"handlers": ["center"], "level": "DEBUG", "propagate": False}},
        }
    )
    logger = logging.getLogger("configured")
    logger.info("below the handler's level")
    logger.error("seen")
    assert intake.wait_for_messages(1) == ["seen"]
    logger.handlers[0].close()
    logger.handlers.clear()
