"""Trace contexts, the traceparent header, waiting times, and the one warning a minute."""

from __future__ import annotations

import threading

import pytest
from incident_center_client import (
    Backoff,
    TraceContext,
    current_trace,
    format_traceparent,
    parse_traceparent,
    trace_context,
)
from incident_center_client.statistics import Counters
from incident_center_client.transport import parse_retry_after

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


def test_a_header_is_read_and_written():
    context = parse_traceparent(f"00-{TRACE}-{SPAN}-01")
    assert context == TraceContext(TRACE, SPAN, sampled=True)
    assert format_traceparent(context) == f"00-{TRACE}-{SPAN}-01"
    assert parse_traceparent(f"00-{TRACE}-{SPAN}-00") == TraceContext(TRACE, SPAN, sampled=False)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "nonsense",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE[:-1]}-{SPAN}-01",
    ],
)
def test_an_invalid_header_is_none(header):
    assert parse_traceparent(header) is None


def test_a_later_version_is_read_by_its_first_fields():
    assert parse_traceparent(f"01-{TRACE}-{SPAN}-01-more") == TraceContext(TRACE, SPAN)


def test_a_context_holds_in_its_block_and_thread_only():
    seen = []
    with trace_context(TRACE) as context:
        assert current_trace() is context
        assert format_traceparent() == f"00-{TRACE}-{context.span_id}-01"
        thread = threading.Thread(target=lambda: seen.append(current_trace()))
        thread.start()
        thread.join()
        with trace_context() as inner:
            assert inner.trace_id != TRACE
        assert current_trace() is context
    assert current_trace() is None
    assert seen == [None]


def test_a_received_context_goes_on_under_a_span_of_our_own():
    with trace_context(TraceContext(TRACE, SPAN, sampled=False)) as context:
        assert (context.trace_id, context.sampled) == (TRACE, False)
        assert context.span_id != SPAN


def test_a_trace_id_that_is_no_w3c_one_cannot_be_sent_on():
    with trace_context("request-17"), pytest.raises(ValueError, match="request-17"):
        format_traceparent()


def test_backoff_grows_with_jitter_and_respects_retry_after():
    longest = Backoff(0.5, 30, uniform=lambda low, high: high)
    shortest = Backoff(0.5, 30, uniform=lambda low, high: low)
    assert [longest.delay(attempt) for attempt in (1, 2, 3, 7, 10_000)] == [0.5, 1.0, 2.0, 30.0, 30.0]
    assert [shortest.delay(attempt) for attempt in (1, 2)] == [0.25, 0.5]
    assert shortest.delay(1, 7.0) == 7.0
    assert longest.delay(1, 7.0) == pytest.approx(7.7)
    assert shortest.delay(1, 10**9) == 300.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("Sat, 01 Jan 2000 00:00:30 GMT", 30.0),
        ("Sat, 01 Jan 1999 00:00:30 GMT", 0.0),
        ("soon", None),
        ("-1", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(header, seconds):
    assert parse_retry_after(header, now=946_684_800.0) == seconds


def test_warnings_are_limited_to_one_a_minute(capfd):
    now = [1000.0]
    counters = Counters(lambda: now[0])
    counters.drop(3, "the queue is full")
    counters.warn()
    for _ in range(100):
        counters.drop(1, "the queue is full")
        counters.warn()
    assert capfd.readouterr().err == "incident_center_client: 3 log records dropped: the queue is full\n"
    now[0] += 61
    counters.warn()
    counters.warn()
    assert capfd.readouterr().err == "incident_center_client: 100 log records dropped: the queue is full\n"
    assert counters.snapshot().dropped == 103
