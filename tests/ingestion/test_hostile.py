"""What nobody should send, to a real web process: each a clear 4xx or a dead letter, no 500, and memory stays bounded.

Every body goes out twice, once with its length and once in chunks, which no length announces.
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.ingestion.conftest import Shop
from tests.ingestion.helpers import body, log
from tests.test_serve import free_port, serve, wait_for

NOW = datetime.now(UTC).isoformat()
MIB = 1024 * 1024
GZIP, ZSTD = {"Content-Encoding": "gzip"}, {"Content-Encoding": "zstd"}


def entry(**fields: Any) -> bytes:
    return body([{"timestamp": NOW, "level": "INFO", "message": "hello", **fields}])


def raw_entry(fields: str) -> bytes:
    return f'{{"logs":[{{"timestamp":"{NOW}","level":"INFO","message":"hello",{fields}}}]}}'.encode()


def bomb(pack: Any) -> bytes:
    packed = pack(b" " * (50 * MIB))
    assert isinstance(packed, bytes)
    return packed


#: Bodies that cannot be read as a whole: name → (body, headers, status).
BODIES: dict[str, tuple[bytes, dict[str, str], int]] = {
    "truncated gzip": (gzip.compress(body([log()]))[:-9], GZIP, 400),
    "gzip bomb": (bomb(gzip.compress), GZIP, 413),
    "gzip of many members": (gzip.compress(b" " * MIB) * 200, GZIP, 413),
    "zstd bomb": (bomb(zstandard.compress), ZSTD, 413),
    "not gzip at all": (b"hello", GZIP, 400),
    "50 MB": (b"x" * 50_000_000, {}, 413),
    "invalid UTF-8": (b'{"logs":[{"level":"INFO","message":"\xff\xfe"}', {}, 400),
    "UTF-16": ('{"logs":[]}'.encode("utf-16"), {}, 400),
    "arrays 10,000 deep": (b'{"logs":' + b"[" * 10_000 + b"]" * 10_000 + b"}", {}, 400),
    "never closed, a million deep": (b"[" * 1_000_000, {}, 400),
    "metadata 10,000 deep": (raw_entry('"metadata":' + '{"a":' * 10_000 + "1" + "}" * 10_000), {}, 400),
    "a number for a batch": (b'{"logs":1e999}', {}, 400),
    "null": (b"null", {}, 400),
    "nothing": (b"", {}, 400),
    "an empty batch": (b'{"logs":[]}', {}, 400),
    "a form": (b"a=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    "two encodings": (gzip.compress(b"{}"), {"Content-Encoding": "gzip, gzip"}, 415),
}
#: Entries that cannot be stored, in a body that can be read: each is one dead letter.
ENTRIES: dict[str, bytes] = {
    "NUL in the message": entry(message="a\0b"),
    "NUL in a key": entry(metadata={"a\0b": 1}),
    "a lone surrogate": raw_entry('"metadata":{"a":"\\ud800"}'),
    "a number beyond a double": raw_entry('"metadata":{"a":1e999}'),
    "an integer of 5,000 digits": raw_entry('"metadata":{"a":' + "9" * 5_000 + "}"),
    "the year 9999": entry(timestamp="9999-12-31T23:59:59Z"),
    "the year 10000": entry(timestamp="10000-01-01T00:00:00Z"),
    "before the epoch": entry(timestamp="1960-01-01T00:00:00Z"),
    "a negative epoch": entry(timestamp=-1),
    "no offset": entry(timestamp="2026-01-01T00:00:00"),
    "an unknown field": entry(surprise=True),
    "an unknown field with a NUL in its name": entry(**{"sur\0prise": True}),
    "an unknown field of 100,000 characters": entry(**{"x" * 100_000: True}),
    "metadata that is a list": entry(metadata=[1]),
    "an unknown level": entry(level="LOUD"),
    "a message that is a number": entry(message=1),
    "a message of a megabyte": entry(message="x" * MIB),
    "metadata of 100,000 keys": entry(metadata={f"k{number}": number for number in range(100_000)}),
}


class Intake:
    """The web process, and raw requests to it."""

    def __init__(self, port: int, process: int, key: str) -> None:
        self.port, self.process, self.key = port, process, key

    def send(self, path: str, content: bytes, headers: dict[str, str], *, chunked: bool) -> tuple[int, str, bytes]:
        """Status, type and body. A server that answers early may close before all is sent; its answer still counts."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"X-API-Key": self.key, "Content-Type": "application/json", **headers}
        pieces: Any = (content[start : start + MIB] for start in range(0, len(content), MIB)) if chunked else content
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request("POST", path, pieces, sent, encode_chunked=chunked)
        answer = connection.getresponse()
        said = answer.status, answer.headers.get("Content-Type", ""), answer.read()
        connection.close()
        return said

    def peak_memory(self) -> int:
        """Bytes, the highest so far, of the process that serves."""
        children = Path(f"/proc/{self.process}/task/{self.process}/children").read_text().split()
        lines = [
            line
            for process in (str(self.process), *children)
            for line in Path(f"/proc/{process}/status").read_text().splitlines()
        ]
        return max(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@pytest.fixture
def intake(shop: Shop) -> Iterator[Intake]:
    port = free_port()
    process = serve(port)
    try:
        wait_for(port)
        yield Intake(port, process.pid, shop.key)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_hostile_input_gets_a_clear_answer_and_little_memory(shop: Shop, intake: Intake):
    wrong: list[str] = []
    assert intake.send("/v1/ingest", entry(), {}, chunked=False)[0] == 200
    before = intake.peak_memory()
    for chunked in (False, True):
        for name, (content, headers, expected) in BODIES.items():
            status, media_type, said = intake.send("/v1/ingest", content, headers, chunked=chunked)
            if status != expected or media_type != "application/problem+json" or not json.loads(said)["detail"]:
                wrong.append(f"{name}, chunked {chunked}: {status} {said[:200]!r}")
        for name, content in ENTRIES.items():
            status, _, said = intake.send("/v1/ingest", content, {}, chunked=chunked)
            answer = json.loads(said)
            if (status, answer.get("dead_lettered")) != (200, 1) or not answer["errors"][0]["reason"]:
                wrong.append(f"{name}, chunked {chunked}: {status} {said[:200]!r}")
    assert wrong == []
    with ThreadPoolExecutor(16) as many:
        large = [many.submit(intake.send, "/v1/ingest", b"x" * 50_000_000, {}, chunked=bool(n % 2)) for n in range(16)]
        assert {job.result()[0] for job in large} <= {413, 503}
    grown = (intake.peak_memory() - before) / MIB
    assert grown < 400, f"the web process grew by {grown:.0f} MiB"
    # The good that is sent meanwhile comes in: a duplicate key keeps its last value.
    said = intake.send("/v1/ingest", raw_entry('"metadata":{"a":1,"a":2}'), {}, chunked=False)[2]
    assert json.loads(said)["received"] == 1


OTLP = {
    "truncated gzip": (gzip.compress(b"{}")[:-9], GZIP, 400),
    "gzip bomb": (bomb(gzip.compress), GZIP, 413),
    "not JSON": (b"\xff\xfe", {}, 400),
    "10,000 deep": (b'{"resourceLogs":' + b"[" * 10_000 + b"]" * 10_000 + b"}", {}, 400),
    "not protobuf": (b"\xff" * 1_000, {"Content-Type": "application/x-protobuf"}, 400),
    "XML": (b"<a/>", {"Content-Type": "text/xml"}, 415),
}


def test_hostile_opentelemetry_exports_get_a_clear_answer(intake: Intake):
    assert intake.send("/v1/ingest", entry(), {}, chunked=False)[0] == 200
    answers = {
        (name, chunked): intake.send("/v1/otlp/v1/logs", content, headers, chunked=chunked)[0]
        for name, (content, headers, _) in OTLP.items()
        for chunked in (False, True)
    }
    assert answers == {
        (name, chunked): expected for name, (_, _, expected) in OTLP.items() for chunked in (False, True)
    }


def test_the_corpus_is_sent_to_the_database_of_the_test(shop: Shop):
    """The web process inherits the address from the environment; a wrong one would make the tests above void."""
    from django.db import connection

    assert f"/{connection.settings_dict['NAME']}?" in os.environ["DATABASE_URL"]
