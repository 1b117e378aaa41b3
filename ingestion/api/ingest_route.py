"""``POST /v1/ingest`` without Django: the same action and the same answers, at a tenth of the cost for each request.

It takes the ordinary request: a service's key that this process has seen alive, no ``Idempotency-Key``.
Everything else goes to Django's view, which also describes the address in the API's schema: unknown, dead and gateway
keys, people's tokens, other methods. ``tests/ingestion/test_ingest_api.py`` holds both to one contract.

A small body is read on the event loop and shares a commit with the others; a large, packed or faulty one goes to a
thread. What waits is bounded in bytes; beyond that the answer is 503 before the body is read.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from incident_center.kernel.api.problems import TooManyRequests, Unavailable
from incident_center.kernel.wsgi_bridge import Receive
from ingestion import metrics
from ingestion.actions.receive_logs import (
    BUSY_RETRY_SECONDS,
    Answer,
    ReceivedBody,
    Sender,
    conclude,
    read_small,
    receive_logs,
    unavailable,
)
from ingestion.api.intake import sender_of
from ingestion.api.thin_route import AsgiApplication, Headers, Settling, ThinRoute, is_plain_json, read_body
from ingestion.api.turns import TooManyWaitError, Turns
from ingestion.logstore import log_store
from ingestion.logstore.port import LogStoreBusyError, LogStoreUnavailableError, WriteBatch, WriteOutcome
from organizations.keys import KeyIdentity
from organizations.rates import admit_key

PATH = "/v1/ingest"
#: Up to here a body is decoded on the event loop: a millisecond at most.
INLINE_BYTES = 64 * 1024
THREADS = 4
ANSWER_WITHIN_SECONDS = 30.0


class IngestRoute(ThinRoute):
    """Logs of a service."""

    def __init__(self, otherwise: AsgiApplication) -> None:
        super().__init__(otherwise)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="ingest")
        self._turns = Turns(at_once=THREADS)
        self._settling = Settling[WriteOutcome](ANSWER_WITHIN_SECONDS, _too_late)

    async def answer(self, identity: KeyIdentity, headers: Headers, receive: Receive) -> bytes:
        try:
            admit_key(identity)
        except TooManyRequests:
            metrics.refused.labels(status="429").inc()
            raise
        sender = sender_of(identity)
        hold = _Hold(self._turns, identity.organization_id)
        try:
            received = await read_body(headers, receive, hold.grow)
            if len(received.content) <= INLINE_BYTES and is_plain_json(received):
                started = time.perf_counter()
                batch = read_small(sender, received.content, datetime.now(UTC))
                if batch is not None:
                    answer = await self._share_a_commit(batch)
                    metrics.latency.observe((time.perf_counter() - started) * 1_000)
                    return answer.body
            return (await self._in_a_thread(sender, received)).body
        finally:
            hold.release()

    async def _share_a_commit(self, batch: WriteBatch) -> Answer:
        outcome = self._settling.future()
        try:
            log_store().begin(batch, self._settling.settled(outcome))
            return conclude(batch, await outcome)
        except (LogStoreBusyError, LogStoreUnavailableError) as error:
            outcome.cancel()  # Refused at once, nobody settles it.
            metrics.refused.labels(status="503").inc()
            raise unavailable(error) from error

    async def _in_a_thread(self, sender: Sender, received: ReceivedBody) -> Answer:
        await self._turns.wait(sender.organization_id)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, _receive, sender, received)
        finally:
            self._turns.done()


def _receive(sender: Sender, received: ReceivedBody) -> Answer:
    return receive_logs(sender=sender, received=received)


def _too_late() -> Exception:
    return LogStoreUnavailableError(f"no commit within {ANSWER_WITHIN_SECONDS:g} s")


class _Hold:
    """The memory set aside for one request."""

    def __init__(self, turns: Turns, organization_id: int) -> None:
        self._turns, self._organization_id, self._bytes = turns, organization_id, 0

    def grow(self, size: int) -> None:
        try:
            self._turns.hold(self._organization_id, size)
        except TooManyWaitError:
            metrics.refused.labels(status="503").inc()
            raise Unavailable(
                "Too many large requests wait already. Nothing was stored.", retry_after=BUSY_RETRY_SECONDS
            ) from None
        self._bytes += size

    def release(self) -> None:
        self._turns.release(self._organization_id, self._bytes)
