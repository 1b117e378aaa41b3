"""The pure part: bytes to rows and faults."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.levels import Level
from ingestion.limits import ENTRIES_PER_REQUEST, MESSAGE_BYTES, METADATA_BYTES
from ingestion.parsers.canonical import canonical_metadata, content_hash, depth_of, holds_nul
from ingestion.parsers.log_entries import (
    EmptyBatchError,
    ParsedLogs,
    TooManyEntriesError,
    UnreadableBodyError,
    parse_logs,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
STAMP = NOW.isoformat()
GOOD = {"timestamp": STAMP, "level": "info", "message": "hello", "metadata": {"b": 1, "a": 2, "trace_id": "t"}}


def parse(content: Any, service_id: int | None = 1, **keywords: Any) -> ParsedLogs:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return parse_logs(data, service_id=service_id, retention=timedelta(days=30), now=NOW, **keywords)


def reasons(content: Any, **keywords: Any) -> list[str]:
    return [fault.reason for fault in parse(content, **keywords).faults]


def test_a_single_log_and_a_batch_of_it_are_the_same_row():
    assert parse(GOOD).rows == parse({"logs": [GOOD]}).rows
    service_id, timestamp, _, level, message, metadata, trace_id = parse(GOOD).rows[0]
    assert (service_id, level, message, trace_id) == (1, 20, b"hello", b"t")
    assert metadata == b'{"a":2,"b":1,"trace_id":"t"}'
    assert timestamp == int(NOW.timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("written", "level"),
    [("DEBUG", 10), ("info", 20), ("Warn", 30), ("WARNING", 30), ("eRRoR", 40), ("fatal", 50), ("Critical", 50)],
)
def test_levels_in_any_case(written: str, level: int):
    assert parse({**GOOD, "level": written}).rows[0][3] == Level(level)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"level": "loud", "message": "m"}, "level: 'loud' is not one of DEBUG, INFO, WARN, ERROR, FATAL"),
        ({"message": "m"}, "missing field `level`"),
        ({"level": "info"}, "missing field `message`"),
        ({"level": "info", "message": 5}, "message: expected `str`, got `int`"),
        ({"level": "info", "message": "m", "colour": 1}, "unknown field `colour`; what is your own belongs into"),
        ({"level": "info", "message": "m", "timestamp": "2026-06-01T12:00:00"}, "timestamp: expected `datetime` with"),
        ({"level": "info", "message": "m", "timestamp": -5}, "timestamp: expected `datetime"),
        ({"level": "info", "message": "m", "timestamp": "9999-12-31T23:59:59-05:00"}, "timestamp: more than 24 hours"),
        ({"level": "info", "message": "m", "timestamp": "0001-01-01T00:00:00+05:00"}, "timestamp: older than"),
        ({"level": "info", "message": "a\0b"}, "message: holds the character U+0000"),
        ({"level": "info", "message": "m", "metadata": {"k\0": 1}}, "metadata: holds the character U+0000"),
        ({"level": "info", "message": "m" * (MESSAGE_BYTES + 1)}, "message: 65537 bytes"),
        ({"level": "info", "message": "m", "metadata": {"k": "v" * METADATA_BYTES}}, "metadata: 32776 bytes"),
        ({"level": "info", "message": "m", "metadata": [1]}, "metadata: expected `object"),
        ({"level": "info", "message": "m", "service": "x"}, "service: this key belongs to one service"),
        (5, "expected `object`, got `int`"),
        (None, "expected `object`, got `null`"),
    ],
)
def test_a_faulty_entry_says_why_and_costs_the_others_nothing(entry: Any, reason: str):
    parsed = parse({"logs": [GOOD, entry, {**GOOD, "message": "after"}]})
    assert [row[4] for row in parsed.rows] == [b"hello", b"after"]
    assert [fault.index for fault in parsed.faults] == [1]
    assert parsed.faults[0].reason.startswith(reason)


@pytest.mark.parametrize(
    "entry",
    [
        rb'{"level":"info","message":"\ud800"}',
        rb'{"level":"info","message":"m","metadata":{"k":"\udfff"}}',
        b'{"level":"info","message":"\xff\xfe"}',
        b'{"level":"info","message":"m","metadata":{"k":1e999}}',
        b'{"level":"info","message":"m","metadata":{"k":' + b"9" * 5_000 + b"}}",
        b'{"level":"info","message":"m","metadata":' + b'{"k":' * 50 + b"1" + b"}" * 50 + b"}",
        b'{"level":"info","message":"m","metadata":{"k":' + b"[" * 20 + b"]" * 20 + b"}}",
    ],
)
def test_what_postgresql_cannot_hold_is_a_fault_of_its_entry(entry: bytes):
    good = json.dumps(GOOD).encode()
    parsed = parse(b'{"logs":[' + good + b"," + entry + b"]}")
    assert len(parsed.rows) == 1
    assert [fault.index for fault in parsed.faults] == [1]


def test_a_whole_surrogate_pair_beside_a_lone_one_is_stored():
    parsed = parse(rb'{"logs":[{"level":"info","message":"\ud83d\ude00"},{"level":"info","message":"\ud800"}]}')
    assert parsed.rows[0][4].decode() == "😀"
    assert "lone surrogate" in parsed.faults[0].reason


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"5", b"null", b"{", b'{"logs":5}', b'{"logs":[{]}', b"\xff", b"\xef\xbb\xbf{}", b'{"logs":[]} x',
        b'{"logs":[],"message":"x"}', b'{"logs":[NaN]}', b"[" * 20_000,
        b'{"logs":[' + b"[" * 10_000 + b"]" * 10_000 + b"]}",
        b'{"logs":["\xff"', rb'{"logs":["\ud800"',
    ],
)  # fmt: skip
def test_an_unreadable_body(content: bytes):
    with pytest.raises(UnreadableBodyError):
        parse(content)


def test_an_empty_batch_and_one_too_many():
    with pytest.raises(EmptyBatchError):
        parse({"logs": []})
    with pytest.raises(TooManyEntriesError):
        parse({"logs": [GOOD] * (ENTRIES_PER_REQUEST + 1)})


def test_entries_without_timestamp_get_the_servers_and_are_never_taken_for_duplicates():
    batch = {"logs": [{"level": "info", "message": "same"}] * 3}
    rows = parse(batch).rows + parse(batch).rows
    assert len({row[2] for row in rows}) == 6
    assert all(0 <= row[1] - int(NOW.timestamp()) * 1_000_000 < 3 for row in rows)


def test_a_gateways_entries_name_their_service():
    seen = []

    def resolve(name: str, environment: str) -> int:
        seen.append((name, environment))
        if name == "refused":
            raise ValueError("service: no more")
        return len(name)

    batch = {
        "service": "shop",
        "logs": [
            GOOD,
            {**GOOD, "service": "payments", "environment": "staging"},
            {**GOOD, "service": "refused"},
            {**GOOD, "service": "refused"},
            GOOD,
        ],
    }
    parsed = parse(batch, service_id=None, resolve_service=resolve)
    assert [row[0] for row in parsed.rows] == [4, 8, 4]
    assert [fault.reason for fault in parsed.faults] == ["service: no more"] * 2
    assert seen == [("shop", ""), ("payments", "staging"), ("refused", "")]  # Each asked for once.
    assert reasons(GOOD, service_id=None, resolve_service=resolve) == [
        "service: a gateway key needs the name of the service"
    ]


# ---- Properties ------------------------------------------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
documents = st.dictionaries(
    texts,
    st.recursive(
        scalars | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=5,
)  # fmt: skip


def shuffled(value: Any) -> Any:
    """The same document with every object's keys in the opposite order."""
    if isinstance(value, dict):
        return {key: shuffled(inner) for key, inner in reversed(value.items())}
    if isinstance(value, list):
        return [shuffled(inner) for inner in value]
    return value


@given(documents)
@settings(deadline=None)
def test_the_order_of_keys_does_not_matter_and_nothing_is_lost(document: dict[str, Any]):
    canonical = canonical_metadata(document)
    assert canonical == canonical_metadata(shuffled(document))
    assert json.loads(canonical) == document
    assert canonical_metadata(json.loads(canonical)) == canonical


@given(documents, texts, texts)
@settings(deadline=None)
def test_equal_logs_have_equal_hashes_and_others_do_not(document: dict[str, Any], message: str, other: str):
    metadata = canonical_metadata(document)
    one = content_hash(b"1", 20, message.encode(), metadata)
    assert one == content_hash(b"1", 20, message.encode(), canonical_metadata(shuffled(document)))
    assert -(2**63) <= one < 2**63
    assert one != content_hash(b"2", 20, message.encode(), metadata)
    assert one != content_hash(b"1", 30, message.encode(), metadata)
    if other != message:
        assert one != content_hash(b"1", 20, other.encode(), metadata)


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_no_bytes_raise_anything_but_the_documented_refusals(content: bytes):
    for candidate in (content, b'{"logs":[' + content + b"]}", b'{"level":"info","message":' + content + b"}"):
        try:
            parsed = parse(candidate)
        except (UnreadableBodyError, EmptyBatchError):
            continue
        assert parsed.entries >= 1


def test_depth_and_nul():
    assert [depth_of(value) for value in (1, {}, [], {"a": [1]}, [[[]]])] == [0, 1, 1, 2, 3]
    assert holds_nul({"a": [{"b\0": 1}]})
    assert not holds_nul({"a": "\\u0000"})
