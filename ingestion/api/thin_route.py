"""What the routes in front of Django share: who sends, the body bounded, the answer, and commits that requests share.

A thin route takes the ordinary request: a key that this process has seen alive, no ``Idempotency-Key``. Everything else
goes to Django's view of the same address, which also describes it in the API's schema.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, Generic, TypeVar

from incident_center.kernel.api.problems import PROBLEM_JSON, Problem, problem_document, problem_headers
from incident_center.kernel.middleware import ACCEPTABLE_REQUEST_ID
from incident_center.kernel.models import uuid7
from incident_center.kernel.request_id import set_request_id
from incident_center.kernel.wsgi_bridge import LONGEST_UPLOAD_SECONDS, Message, Receive, Send
from ingestion.actions.receive_logs import ReceivedBody
from ingestion.limits import BODY_BYTES
from organizations.keys import KEY_MARK, KeyIdentity, hash_key, key_cache, refresh_key

logger = logging.getLogger(__name__)

AsgiApplication = Callable[[Message, Receive, Send], Awaitable[None]]
Headers = dict[bytes, bytes]
Outcome = TypeVar("Outcome")

PLAIN_JSON = ("", "application/json")
_READ = frozenset(
    (b"x-api-key", b"authorization", b"content-type", b"content-length", b"content-encoding", b"x-request-id")
)


class LongWayError(Exception):
    """Django's view has to answer. ``content`` is the body, which was read already."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        super().__init__()


class ThinRoute(ABC):
    """ASGI, in front of ``otherwise``, which gets every request that is not an ordinary one."""

    status: ClassVar = 200
    takes_gateways: ClassVar = False

    def __init__(self, otherwise: AsgiApplication) -> None:
        self._otherwise = otherwise
        self._key_thread = ThreadPoolExecutor(1, thread_name_prefix="key-refresh")
        self._look_ups: dict[bytes, asyncio.Future[None]] = {}

    @abstractmethod
    async def answer(self, identity: KeyIdentity, headers: Headers, receive: Receive) -> bytes:
        """The body of the answer.

        Raises:
            Problem: it is the answer.
            LongWayError
        """

    def takes(self, headers: Headers) -> bool:
        """Whether a request with these headers is an ordinary one."""
        return True

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = _headers(scope) if scope["method"] == "POST" else None
        identity = None
        if headers is not None and self.takes(headers):
            identity = await self._identify(headers)
        if headers is None or identity is None:
            await self._otherwise(scope, receive, send)
            return
        offered = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = offered if ACCEPTABLE_REQUEST_ID.match(offered) else str(uuid7())
        set_request_id(request_id)
        try:
            content = await self.answer(identity, headers, receive)
        except LongWayError as error:
            await self._otherwise(scope, _read_already(error.content, receive), send)
        except Problem as problem:
            await _send_problem(send, problem, request_id)
        except ClientGoneError:
            return
        except Exception:
            logger.exception("no answer could be made to %s", scope["path"])
            await _send_problem(send, _ServerError(), request_id)
        else:
            await _send(send, self.status, content, b"application/json", request_id)

    async def _identify(self, headers: Headers) -> KeyIdentity | None:
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
        if identity is None or (identity.service_id is None and not self.takes_gateways):
            return None
        return identity

    async def _looked_up(self, secret_hash: bytes) -> None:
        """One look-up for all requests that wait for the same key."""
        look_up = self._look_ups.get(secret_hash)
        if look_up is None:
            loop = asyncio.get_running_loop()
            look_up = self._look_ups[secret_hash] = loop.run_in_executor(self._key_thread, refresh_key, secret_hash)
            look_up.add_done_callback(lambda _: self._look_ups.pop(secret_hash, None))
        await asyncio.shield(look_up)


class Settling(Generic[Outcome]):
    """Brings the outcomes of a whole commit to the event loop in one call, since each call wakes it up.

    Args:
        answer_within: seconds after which nobody waits any more.
        too_late: makes the error for that.
    """

    def __init__(self, answer_within: float, too_late: Callable[[], Exception]) -> None:
        self._answer_within, self._too_late = answer_within, too_late
        self._settled: deque[tuple[asyncio.Future[Outcome], Outcome | None, BaseException | None]] = deque()
        self._is_called = False

    def future(self) -> asyncio.Future[Outcome]:
        """Ends with an error when nothing is heard in time."""
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Outcome] = loop.create_future()
        timer = loop.call_later(self._answer_within, self._give_up, outcome)
        outcome.add_done_callback(lambda _: timer.cancel())
        return outcome

    def settled(self, future: asyncio.Future[Outcome]) -> Callable[[Outcome | None, BaseException | None], None]:
        """What the committing thread calls for ``future``."""
        loop = future.get_loop()

        def settled(outcome: Outcome | None, error: BaseException | None) -> None:
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

    def _give_up(self, outcome: asyncio.Future[Outcome]) -> None:
        if not outcome.done():
            outcome.set_exception(self._too_late())


# ---- HTTP ------------------------------------------------------------------------------------------------------------


class _ServerError(Problem):
    status = 500

    def __init__(self) -> None:
        super().__init__("")


class TooSlowError(Problem):
    """The body did not come in time; what was set aside for it is free again."""

    status = 408

    def __init__(self) -> None:
        super().__init__(f"The body did not come within {LONGEST_UPLOAD_SECONDS:g} s. Nothing was stored.")


class ClientGoneError(Exception):
    """The client left before its request was complete."""


def is_plain_json(received: ReceivedBody) -> bool:
    """Whether the body may be decoded as it is."""
    media_type = received.content_type.partition(";")[0].strip().lower()
    return not received.content_encoding and media_type in PLAIN_JSON


def _headers(scope: Message) -> Headers | None:
    """Those that matter here; None where the request is not an ordinary one."""
    found: Headers = {}
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


async def read_body(headers: Headers, receive: Receive, hold: Callable[[int], None]) -> ReceivedBody:
    """The body; one sent in chunks is read up to just over the limit.

    Args:
        hold: sets memory aside, in bytes, before it is used, or raises.

    Raises:
        ClientGoneError
        TooSlowError
    """
    try:
        async with asyncio.timeout(LONGEST_UPLOAD_SECONDS):
            content = await _read_content(headers, receive, hold)
    except TimeoutError:
        raise TooSlowError from None
    return ReceivedBody(
        content=content,
        content_type=headers.get(b"content-type", b"").decode("latin-1"),
        content_encoding=headers.get(b"content-encoding", b"").decode("latin-1"),
    )


async def _read_content(headers: Headers, receive: Receive, hold: Callable[[int], None]) -> bytes:
    held = int(headers.get(b"content-length", b"0"))
    hold(held)
    pieces: list[bytes] = []
    size = 0
    more = True
    while more and size <= BODY_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        piece = message.get("body", b"")
        pieces.append(piece)
        size += len(piece)
        if size > held:
            hold(size - held)
            held = size
        more = message.get("more_body", False)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _read_already(content: bytes, receive: Receive) -> Receive:
    """``receive`` as it was before the body was read."""
    waiting: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


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
