"""Which WebSocket address is answered by what."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from redis.exceptions import RedisError

from notifications.live.consumers import TRY_AGAIN_LATER, LiveIncidentsConsumer
from notifications.live.log_consumer import LiveLogsConsumer

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
NOT_FOUND = 4404

LIVE_PATHS: dict[str, Callable[[Message, Receive, Send], Awaitable[None]]] = {
    "/live/incidents": LiveIncidentsConsumer.as_asgi(),
    "/live/logs": LiveLogsConsumer.as_asgi(),
}


async def live_application(scope: Message, receive: Receive, send: Send) -> None:
    """Answers a WebSocket; one that Redis failed is closed with 1013, upon which pages poll and come back."""
    accepted = False

    async def watched_send(message: Message) -> None:
        nonlocal accepted
        accepted = accepted or message["type"] == "websocket.accept"
        await send(message)

    path = LIVE_PATHS.get(scope["path"].rstrip("/"))
    if path is None:
        await _refuse(send, NOT_FOUND, accepted=False)
        return
    try:
        await path(scope, receive, watched_send)
    except (RedisError, OSError) as error:
        logger.warning("a live connection ends, Redis is away: %s", error)
        await _refuse(send, TRY_AGAIN_LATER, accepted=accepted)


async def _refuse(send: Send, code: int, *, accepted: bool) -> None:
    try:
        if not accepted:
            await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": code})
    except (RuntimeError, OSError):
        logger.info("a live connection was gone before it could be told why")
