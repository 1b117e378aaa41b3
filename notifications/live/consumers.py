"""The live connections, each an open page or client.

Close codes: 4400 the filters cannot be read; 4401 no credential, or it died meanwhile; 4403 a foreign origin, a
service's key or a role that may not; 1013 what it needs is away, or the client reads too slowly: try again later.
"""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from notifications.live.credentials import (
    Credential,
    ForeignOriginError,
    WrongCredentialError,
    offered_credential,
    recognize,
)
from notifications.live.publishing import group_of
from organizations.access import Action, Grant
from organizations.members import Member

logger = logging.getLogger(__name__)

NO_CREDENTIAL = 4401
NOT_ALLOWED = 4403
TRY_AGAIN_LATER = 1013

# The member is read again for an event, yet not more often than this, so that a storm of events costs little.
TRUSTED_SECONDS = 1.0
# ... and without events too, so that the connection of someone who has left ends by itself.
IDLE_CHECK_SECONDS = 30.0
SLOWEST_CLIENT_SECONDS = 10.0


class LiveConsumer(AsyncJsonWebsocketConsumer, ABC):
    """One open page or client: who it is, asked at the start and again while it lives."""

    #: Without a grant for it the connection is refused.
    action: Action
    credential: Credential
    member: Member | None = None
    checked_at = 0.0
    idle_check: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        """What has to happen before the handshake is answered."""

    @abstractmethod
    async def begin(self, member: Member) -> None:
        """Starts what the connection is for."""

    @abstractmethod
    async def end(self) -> None:
        """Undoes it; called also where it was not begun."""

    async def connect(self) -> None:
        await self.prepare()
        # A refusal before the handshake would reach a browser without its code.
        await self.accept()
        try:
            credential = offered_credential(self.scope)
        except (ForeignOriginError, WrongCredentialError):
            await self.close(NOT_ALLOWED)
            return
        if credential is None:
            await self.close(NO_CREDENTIAL)
            return
        self.credential = credential
        if not await self._recognized() or self.member is None:
            return
        if self.member.may(self.action) is Grant.NO:
            await self.close(NOT_ALLOWED)
            return
        await self.begin(self.member)
        self.idle_check = asyncio.create_task(self._check_while_idle())

    async def disconnect(self, code: int) -> None:
        if self.idle_check is not None:
            self.idle_check.cancel()
        await self.end()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **_: Any) -> None:
        """The connection speaks one way; what a client says is not listened to."""

    async def _recognized(self) -> bool:
        """Whether the credential still stands for a member; closes the connection when it does not."""
        if not self.credential.has_expired:
            if time.monotonic() - self.checked_at < TRUSTED_SECONDS:
                return True
            found = await database_sync_to_async(recognize)(self.credential)
            if found is not None and (self.member is None or found[0].organization_id == self.member.organization_id):
                self.member, self.credential = found
                self.checked_at = time.monotonic()
                return True
        await self.close(NO_CREDENTIAL)
        return False

    async def _check_while_idle(self) -> None:
        while True:
            pause = min(IDLE_CHECK_SECONDS, max(0.1, self.credential.expires_at - time.time()))
            await asyncio.sleep(pause)
            try:
                if not await self._recognized():
                    return
            except Exception as error:  # The database is away for a moment: the next event or check asks again.
                logger.warning("a live connection could not be checked: %s", error)


class LiveIncidentsConsumer(LiveConsumer):
    """``WS /live/incidents``: every change of an incident that the member may see, as it is committed."""

    action = Action.READ_INCIDENTS
    group: str = ""

    async def begin(self, member: Member) -> None:
        self.group = group_of(member.organization_id)
        await self.channel_layer.group_add(self.group, self.channel_name)

    async def end(self) -> None:
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def incident_changed(self, message: dict[str, Any]) -> None:
        """A change of an incident, from ``notifications.live.publishing``."""
        if not await self._recognized() or self.member is None:
            return
        grant = self.member.may(Action.READ_INCIDENTS)
        if grant is Grant.NO or (grant is Grant.OWN and message["opened_by"] != str(self.member.user.pk)):
            return
        try:
            await asyncio.wait_for(self.send_json(message["payload"]), SLOWEST_CLIENT_SECONDS)
        except TimeoutError:
            await self.close(TRY_AGAIN_LATER)
