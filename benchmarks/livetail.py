"""What people who watch cost those who send: ingest with no listener and with 200, on one web process, in one run.

Real sockets on both sides. Batches of 1,000 from four connections, all of one organization; every listener hears it,
half of them everything and half errors only. Rounds without and with listeners alternate, so that what else the machine
does falls on both. The listeners' own processor time is part of the price here; people bring their own machines.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from typing import Any

from benchmarks.harness import Measurement, start_installation, write_results
from benchmarks.ingest import bodies, logs
from benchmarks.web import WebServer, database_process, start_web

LISTENERS = 200
ROUNDS = 5
BATCH, CONNECTIONS, REQUESTS = 1_000, 4, 200


def main() -> None:
    postgres = start_installation("incident_center.settings")
    from organizations.tokens import issue_tokens
    from tests.factories import make_world

    world = make_world("Benchmark", roles=())
    service = world.service("checkout")
    key, token = world.key(service).key, issue_tokens(world.owner.user).access
    rates: dict[int, list[Measurement]] = {0: [], LISTENERS: []}
    heard: list[tuple[int, int]] = []
    web = start_web(database_process(postgres))
    _round(web, key, 0, requests=20)
    for _ in range(ROUNDS):
        rates[0].append(_round(web, key, 0))
        with _listeners(web.port, token) as counts:
            rates[LISTENERS].append(_round(web, key, LISTENERS))
            time.sleep(6.0)  # The last look tells of what the flood left out.
        heard.append(counts())
    medians = {count: statistics.median(one.logs_per_second for one in rounds) for count, rounds in rates.items()}
    sent, skipped = map(sum, zip(*heard, strict=True))
    ratio = {
        "listeners": LISTENERS,
        "rate_without": round(medians[0]),
        "rate_with": round(medians[LISTENERS]),
        "ratio": round(medians[LISTENERS] / medians[0], 3),
        "logs_sent_to_listeners": sent,
        "logs_counted_as_skipped": skipped,
    }
    for count, rate in medians.items():
        print(f"{count:>4} listeners: {rate:>9,.0f} logs/s")
    print(f"  → {ratio['ratio']:.3f} of the rate; the listeners got {sent:,} logs and were told of {skipped:,} more")
    print(f"\nwritten to {write_results('livetail', [one for rounds in rates.values() for one in rounds], [ratio])}")


def _round(web: WebServer, key: str, listeners: int, requests: int = REQUESTS) -> Measurement:
    new = bodies(logs(BATCH * requests), BATCH)
    return web.measure(
        f"{listeners} listeners",
        (web.request("/v1/ingest", body, key) for body in new),
        batch=BATCH,
        connections=CONNECTIONS,
    )


# ---- Listeners, in a process of their own ----------------------------------------------------------------------------


@contextmanager
def _listeners(port: int, token: str) -> Iterator[Any]:
    """200 open connections while the block runs; call what is yielded afterwards for what they heard."""
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    answer = context.Queue()
    process = context.Process(target=_listen_all, args=(port, token, ready, stop, answer))
    process.start()
    assert ready.wait(60), "the listeners could not connect"
    try:
        yield lambda: answer.get(timeout=30)
    finally:
        stop.set()


def _listen_all(port: int, token: str, ready: Event, stop: Event, answer: Any) -> None:
    async def run() -> None:
        counts = [0, 0]
        filters = [f"token={token}", f"token={token}&min_level=ERROR"]
        tasks = [
            asyncio.create_task(_listen(port, f"/live/logs?{filters[number % 2]}", counts))
            for number in range(LISTENERS)
        ]
        await asyncio.sleep(3)
        ready.set()
        while not stop.is_set():
            await asyncio.sleep(0.1)
        for task in tasks:
            if task.done() and task.exception():
                raise task.exception()  # type: ignore[misc]
            task.cancel()
        answer.put(tuple(counts))

    asyncio.run(run())


async def _listen(port: int, path: str, counts: list[int]) -> None:
    """The least that RFC 6455 asks of a client that only listens."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 101 " not in head:
        raise AssertionError(head)
    while True:
        first, length = await reader.readexactly(2)
        if length == 126:
            length = int.from_bytes(await reader.readexactly(2), "big")
        elif length == 127:
            length = int.from_bytes(await reader.readexactly(8), "big")
        content = await reader.readexactly(length)
        if first & 0x0F == 0x8:
            raise AssertionError(f"closed: {content!r}")
        if content.startswith(b'{"type":"log"'):
            counts[0] += 1
        elif content.startswith(b'{"type":'):
            counts[1] += json.loads(content)["count"]


if __name__ == "__main__":
    main()
