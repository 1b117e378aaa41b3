"""Who may use the threads that store large requests: a bounded queue in which organizations take turns."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque

MIB = 1024 * 1024


class TooManyWaitError(Exception):
    """The bodies that wait already take all the memory that is meant for them."""


class Turns:
    """For one event loop. Each organization has a queue of its own, and the queues are served in turn: a flood
    delays another organization's request by one turn, not by the flood.

    Args:
        at_once: requests that run at the same time.
        bytes_waiting: of bodies that run or wait, altogether.
        bytes_of_one: of these, for one organization.
    """

    def __init__(self, *, at_once: int, bytes_waiting: int = 256 * MIB, bytes_of_one: int = 192 * MIB) -> None:
        self._free = at_once
        self._bytes_left = bytes_waiting
        self._bytes_of_one = bytes_of_one
        self._held: dict[int, int] = {}
        self._queues: OrderedDict[int, deque[asyncio.Future[None]]] = OrderedDict()

    def hold(self, organization_id: int, size: int) -> None:
        """Sets memory aside for a body, or for more of it.

        Raises:
            TooManyWaitError: there is none left, for all or for this organization.
        """
        held = self._held.get(organization_id, 0) + size
        if size > self._bytes_left or held > self._bytes_of_one:
            raise TooManyWaitError
        self._held[organization_id] = held
        self._bytes_left -= size

    def release(self, organization_id: int, size: int) -> None:
        self._bytes_left += size
        held = self._held.get(organization_id, 0) - size
        if held > 0:
            self._held[organization_id] = held
        else:
            self._held.pop(organization_id, None)

    async def wait(self, organization_id: int) -> None:
        """Returns when it is this request's turn; ``done`` must follow."""
        if self._free and not self._queues:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._queues.setdefault(organization_id, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.done()
            raise

    def done(self) -> None:
        """Hands the place to the next organization's oldest request."""
        while self._queues:
            organization_id, queue = next(iter(self._queues.items()))
            turn = queue.popleft()
            if queue:
                self._queues.move_to_end(organization_id)
            else:
                del self._queues[organization_id]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
