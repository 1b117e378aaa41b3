"""``POST /v1/ingest`` without Django: the same action and the same answers, at a tenth of the cost for each request.

It takes the ordinary request: a service's key that this process has seen alive, no ``Idempotency-Key``.
Everything else goes to Django's view, which also describes the address in the API's schema: unknown, dead and gateway
keys, people's tokens, other methods. ``tests/ingestion/test_ingest_api.py`` holds both to one contract.

A small body is read on the event loop and shares a commit with the others; a large, packed or faulty one goes to a
thread. What waits is bounded in bytes; beyond that the answer is 503 before the body is read.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from incident_center.kernel.api.problems import (
    PROBLEM_JSON,
    Problem,
    TooManyRequests,
    Unavailable,
    problem_document,
    problem_headers,
)
from incident_center.kernel.middleware import ACCEPTABLE_REQUEST_ID
from incident_center.kernel.models import uuid7
from incident_center.kernel.request_id import set_request_id
from incident_center.kernel.wsgi_bridge import Message, Receive, Send
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
from ingestion.api.turns import TooManyWaitError, Turns
from ingestion.limits import BODY_BYTES
from ingestion.logstore import log_store
from ingestion.logstore.port import (
    LogStoreBusyError,
    LogStoreUnavailableError,
    Settled,
    WriteBatch,
    WriteOutcome,
)
from organizations.keys import KEY_MARK, KeyIdentity, hash_key, key_cache, refresh_key
from organizations.rates import admit_key

logger = logging.getLogger(__name__)

AsgiApplication = Callable[[Message, Receive, Send], Awaitable[None]]

PATH = "/v1/ingest"
#: Up to here a body is decoded on the event loop: a millisecond at most.
INLINE_BYTES = 64 * 1024
THREADS = 4
ANSWER_WITHIN_SECONDS = 30.0
_PLAIN = ("", "application/json")
_READ = frozenset(
    (b"x-api-key", b"authorization", b"content-type", b"content-length", b"content-encoding", b"x-request-id")
)


class IngestRoute:
    """ASGI, in front of ``otherwise``, which gets every request that is not an ordinary one."""

    def __init__(self, otherwise: AsgiApplication) -> None:
        self._otherwise = otherwise
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="ingest")
        self._key_thread = ThreadPoolExecutor(1, thread_name_prefix="key-refresh")
        self._look_ups: dict[bytes, asyncio.Future[None]] = {}
        self._turns = Turns(at_once=THREADS)
        self._settling = _Settling()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = _headers(scope) if scope["method"] == "POST" else None
        identity = None if headers is None else await self._identify(headers)
        if headers is None or identity is None:
            await self._otherwise(scope, receive, send)
            return
        offered = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = offered if ACCEPTABLE_REQUEST_ID.match(offered) else str(uuid7())
        set_request_id(request_id)
        try:
            answer = await self._answer(identity, headers, receive)
        except Problem as problem:
            await _send_problem(send, problem, request_id)
            return
        except _ClientGoneError:
            return
        except Exception:
            logger.exception("no answer could be made to %s", PATH)
            await _send_problem(send, _ServerError(), request_id)
            return
        await _send(send, 200, answer.body, b"application/json", request_id)

    async def _identify(self, headers: dict[bytes, bytes]) -> KeyIdentity | None:
        raw = headers.get(b"x-api-key")
        if raw is None:
            scheme, _, raw = headers.get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer":
                return None
        key = raw.strip().decode("latin-1")
        if not key.startswith(KEY_MARK) or len(key) > 200:
            return None
        secret_hash = hash_key(key)
        identity, is_due = key_cache.get_in_use(secret_hash, time.monotonic())
        if is_due:
            self._key_thread.submit(refresh_key, secret_hash)
        elif identity is None and key_cache.was_alive(secret_hash):
            # A quiet sender, or a machine so busy that the look-up ahead came too late: no reason to go the long way.
            await self._looked_up(secret_hash)
            identity, _ = key_cache.get_in_use(secret_hash, time.monotonic())
        return identity if identity is not None and identity.service_id is not None else None

    async def _looked_up(self, secret_hash: bytes) -> None:
        """One look-up for all requests that wait for the same key."""
        look_up = self._look_ups.get(secret_hash)
        if look_up is None:
            loop = asyncio.get_running_loop()
            look_up = self._look_ups[secret_hash] = loop.run_in_executor(self._key_thread, refresh_key, secret_hash)
            look_up.add_done_callback(lambda _: self._look_ups.pop(secret_hash, None))
        await asyncio.shield(look_up)

    async def _answer(self, identity: KeyIdentity, headers: dict[bytes, bytes], receive: Receive) -> Answer:
        try:
            admit_key(identity)
        except TooManyRequests:
            metrics.refused.labels(status="429").inc()
            raise
        sender = sender_of(identity)
        hold = _Hold(self._turns, identity.organization_id)
        try:
            received = await _read_body(headers, receive, hold)
            media_type = received.content_type.partition(";")[0].strip().lower()
            if len(received.content) <= INLINE_BYTES and not received.content_encoding and media_type in _PLAIN:
                started = time.perf_counter()
                batch = read_small(sender, received.content, datetime.now(UTC))
                if batch is not None:
                    answer = await self._share_a_commit(batch)
                    metrics.latency.observe((time.perf_counter() - started) * 1_000)
                    return answer
            return await self._in_a_thread(sender, received)
        finally:
            hold.release()

    async def _share_a_commit(self, batch: WriteBatch) -> Answer:
        outcome = self._settling.future()
        try:
            log_store().begin(batch, self._settling.settled(outcome))
            return conclude(batch, await outcome)
        except (LogStoreBusyError, LogStoreUnavailableError) as error:
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


class _Settling:
    """Brings the outcomes of a whole commit to the event loop in one call, since each call wakes it up."""

    def __init__(self) -> None:
        self._settled: deque[tuple[asyncio.Future[WriteOutcome], WriteOutcome | None, BaseException | None]] = deque()
        self._is_called = False

    def future(self) -> asyncio.Future[WriteOutcome]:
        """Ends with an error when nothing is heard in 30 s."""
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[WriteOutcome] = loop.create_future()
        timer = loop.call_later(ANSWER_WITHIN_SECONDS, _give_up, outcome)
        outcome.add_done_callback(lambda _: timer.cancel())
        return outcome

    def settled(self, future: asyncio.Future[WriteOutcome]) -> Settled:
        """What the committing thread calls for ``future``."""
        loop = future.get_loop()

        def settled(outcome: WriteOutcome | None, error: BaseException | None) -> None:
            self._settled.append((future, outcome, error))
            if not self._is_called:
                self._is_called = True
                loop.call_soon_threadsafe(self._tell)

        return settled

    def _tell(self) -> None:
        self._is_called = False  # Before the first is taken: whoever appends from here on calls again.
        while self._settled:
            future, outcome, error = self._settled.popleft()
            if future.done():
                continue  # The client left, or nobody waits any more.
            if error is not None:
                future.set_exception(error)
            elif outcome is not None:
                future.set_result(outcome)


def _give_up(outcome: asyncio.Future[WriteOutcome]) -> None:
    if not outcome.done():
        outcome.set_exception(LogStoreUnavailableError(f"no commit within {ANSWER_WITHIN_SECONDS:g} s"))


# ---- HTTP ------------------------------------------------------------------------------------------------------------


class _ServerError(Problem):
    status = 500

    def __init__(self) -> None:
        super().__init__("")


class _ClientGoneError(Exception):
    """The client left before its request was complete."""


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


def _headers(scope: Message) -> dict[bytes, bytes] | None:
    """Those that matter here; None where the request is not an ordinary one."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name == b"idempotency-key":
            return None
        if name in _READ:
            if name in found:
                return None
            found[name] = value
    announced = found.get(b"content-length")
    if announced is not None and not (announced.isdigit() and int(announced) <= BODY_BYTES):
        return None
    return found


async def _read_body(headers: dict[bytes, bytes], receive: Receive, hold: _Hold) -> ReceivedBody:
    """The body; one sent in chunks is read up to just over the limit.

    Raises:
        Unavailable: there is no memory left for it.
    """
    held = int(headers.get(b"content-length", b"0"))
    hold.grow(held)
    pieces: list[bytes] = []
    size = 0
    more = True
    while more and size <= BODY_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientGoneError
        piece = message.get("body", b"")
        pieces.append(piece)
        size += len(piece)
        if size > held:
            hold.grow(size - held)
            held = size
        more = message.get("more_body", False)
    return ReceivedBody(
        content=pieces[0] if len(pieces) == 1 else b"".join(pieces),
        content_type=headers.get(b"content-type", b"").decode("latin-1"),
        content_encoding=headers.get(b"content-encoding", b"").decode("latin-1"),
    )


async def _send_problem(send: Send, problem: Problem, request_id: str) -> None:
    body = json.dumps(problem_document(problem.status, problem.detail, **problem.members)).encode()
    headers = [(name.lower().encode(), value.encode()) for name, value in problem_headers(problem).items()]
    await _send(send, problem.status, body, PROBLEM_JSON.encode(), request_id, headers)


async def _send(
    send: Send,
    status: int,
    body: bytes,
    content_type: bytes,
    request_id: str,
    more: list[tuple[bytes, bytes]] | None = None,
) -> None:
    headers = [
        (b"content-type", content_type),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode()),
        (b"x-content-type-options", b"nosniff"),
        *(more or ()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
