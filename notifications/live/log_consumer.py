"""``WS /live/logs``: logs as they are stored, with the filters of ``GET /v1/logs`` evaluated by the server.

Sends ``{"type": "log", …}``, a log object as in the API, and ``{"type": "skipped", "count": n}`` where more matched
than was sent. Logs that happened more than a day ago are no news and do not come.
"""

from __future__ import annotations

import asyncio
import logging

from channels.db import database_sync_to_async
from django.db import DatabaseError, InterfaceError
from django.http import QueryDict

from incident_center.kernel.api.problems import InvalidInput
from ingestion.log_filters import LogFilters
from ingestion.logstore import log_store
from ingestion.logstore.port import LogStoreBusyError, LogStoreUnavailableError, StreamPosition
from notifications.live.consumers import NO_CREDENTIAL, SLOWEST_CLIENT_SECONDS, TRY_AGAIN_LATER, LiveConsumer
from notifications.live.log_tail import Listener, log_tail
from organizations.access import Action
from organizations.members import Member

logger = logging.getLogger(__name__)

WRONG_FILTER = 4400


class LiveLogsConsumer(LiveConsumer):
    """One listener of the live tail."""

    channel_layer_alias = "in-process"
    action = Action.READ_LOGS
    position: StreamPosition | None = None
    listener: Listener | None = None
    sending: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        """From here on no log is missed: whoever sees the handshake answered may send one."""
        try:
            self.position = await database_sync_to_async(log_store().position)()
        except (LogStoreUnavailableError, LogStoreBusyError, DatabaseError, InterfaceError) as error:
            logger.warning("a live tail cannot begin, the database is away: %s", error)

    async def begin(self, member: Member) -> None:
        try:
            filters = LogFilters.read(QueryDict(bytes(self.scope.get("query_string", b""))))
        except InvalidInput as error:
            await self.send_json({"type": "error", "detail": error.detail})
            await self.close(WRONG_FILTER)
            return
        if self.position is None:
            await self.close(TRY_AGAIN_LATER)
            return
        loop = asyncio.get_running_loop()
        self.listener = Listener(member.organization_id, member.user.pk, filters, self.position, loop)
        log_tail.join(self.listener)
        self.sending = asyncio.create_task(self._send_on(self.listener))

    async def end(self) -> None:
        if self.sending is not None:
            self.sending.cancel()
        if self.listener is not None:
            log_tail.leave(self.listener)

    async def _send_on(self, listener: Listener) -> None:
        """What the client is too slow for waits in the listener's queue, and then is counted."""
        while True:
            skipped, messages = await listener.next()
            if listener.is_dismissed or self.credential.has_expired:
                await self.close(NO_CREDENTIAL)
                return
            try:
                async with asyncio.timeout(SLOWEST_CLIENT_SECONDS):
                    if skipped:
                        await self.send_json({"type": "skipped", "count": skipped})
                    for message in messages:
                        await self.send(text_data=message)
            except TimeoutError:
                await self.close(TRY_AGAIN_LATER)
                return
