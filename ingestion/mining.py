"""The thread that mines patterns behind the stream: off every request's path, and off the sweeps' as well.

The sweep wakes it in whichever worker sweeps. It asks which organizations have logs above the common horizon, mines
them chunk by chunk, and moves the horizon when all are done. Whatever stops it, the next round finds the same logs.
"""

from __future__ import annotations

import logging
import threading
import time

from django.db import close_old_connections, connection

from incident_center.kernel.scope import Actor, no_scope, organization_scope
from ingestion.actions.mine_patterns import mine_patterns
from organizations.models import Organization

logger = logging.getLogger(__name__)

#: Of one processor's time, how much mining may take while it is behind.
SHARE = 0.5
_MINING = Actor.system("pattern-mining")


def mine_all() -> int:
    """One round over all organizations that have new logs; how many logs were mined."""
    with no_scope(actor=_MINING), connection.cursor() as cursor:
        cursor.execute("SELECT organization_id, horizon FROM ingestion_organizations_to_mine()")
        rows = cursor.fetchall()
    total, all_done = 0, True
    for organization_id, horizon in rows:
        if organization_id is None:
            continue
        try:
            mined = _mine_until(organization_id, horizon)
        except Exception:
            logger.exception("the patterns of organization %s could not be mined; they wait", organization_id)
            mined = None
        all_done = all_done and mined is not None
        total += mined or 0
    if rows and all_done:
        with no_scope(actor=_MINING), connection.cursor() as cursor:
            cursor.execute("SELECT ingestion_mined_until(%s)", [rows[0][1]])
    return total


def _mine_until(organization_id: int, horizon: int) -> int | None:
    """None where another worker is at it: then the horizon stays."""
    total = 0
    while True:
        began = time.monotonic()
        with organization_scope(organization_id, actor=_MINING):
            if not Organization.objects.filter(pk=organization_id).exists():
                return total  # Removed while its services were still sending: their last logs go with their day.
            mined = mine_patterns(actor=_MINING)
        if mined is None:
            return None
        total += mined.logs
        if mined.is_complete or mined.horizon >= horizon:
            return total
        time.sleep((time.monotonic() - began) * (1 / SHARE - 1))


class MiningThread:
    """Mines when woken; waking it while it mines makes it look once more."""

    def __init__(self) -> None:
        self._woken = threading.Event()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="pattern-mining", daemon=True)
            self._thread.start()
        self._woken.set()

    def _run(self) -> None:
        while True:
            self._woken.wait()
            self._woken.clear()
            try:
                mine_all()
            except Exception as error:  # The database is away for a moment: the next wake-up asks again.
                logger.warning("mining pauses: %s", error)
                connection.close()
            close_old_connections()


mining_thread = MiningThread()
