"""Requests with alerts share a commit: whatever waits while the last commit runs goes into the next. No timer.

Alerts of one organization are carried out one commit after the other, in the order of their arrival; those of two
organizations at the same time, keys in turns. The caller gets its answer only after its own alerts are durable.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError, connection

from detection.actions.receive_alerts import Received, receive_batches
from incident_center.kernel.api.problems import Unavailable
from incident_center.kernel.scope import organization_scope
from ingestion.parsers.alerts.signal import Signal
from organizations.keys import KeyIdentity

logger = logging.getLogger(__name__)

Settled = Callable[[Received | None, BaseException | None], None]

THREADS = 2
ALERTS_PER_COMMIT = 1_000
WAITING_ALERTS = 20_000
WAITING_ALERTS_PER_ORGANIZATION = 10_000
BUSY_RETRY_SECONDS = 1
LONGEST_CLOSE_SECONDS = 10.0


@dataclass(slots=True)
class _Waiting:
    signals: Sequence[Signal]
    settled: Settled


class AlertCommits:
    """Two threads that commit, for all requests of the process; they start with the first."""

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self._waiting: OrderedDict[KeyIdentity, deque[_Waiting]] = OrderedDict()
        self._busy: set[int] = set()
        """Organizations whose alerts are being carried out."""
        self._alerts: dict[int, int] = {}
        """How many wait, by organization."""
        self._threads: list[threading.Thread] = []
        self._is_closed = False

    def begin(self, identity: KeyIdentity, signals: Sequence[Signal], settled: Settled) -> None:
        """Returns at once; ``settled`` is called by a committing thread.

        Raises:
            Unavailable: too many alerts wait already, of all or of this organization.
        """
        organization_id, size = identity.organization_id, len(signals)
        with self._arrived:
            mine = self._alerts.get(organization_id, 0)
            if sum(self._alerts.values()) + size > WAITING_ALERTS or mine + size > WAITING_ALERTS_PER_ORGANIZATION:
                raise Unavailable("Too many alerts wait already. Nothing was stored.", retry_after=BUSY_RETRY_SECONDS)
            self._waiting.setdefault(identity, deque()).append(_Waiting(signals, settled))
            self._alerts[organization_id] = mine + size
            if len(self._threads) < THREADS:
                thread = threading.Thread(target=self._run, name="alert-commit", daemon=True)
                self._threads.append(thread)
                thread.start()
            if organization_id not in self._busy:  # Otherwise whoever carries its alerts out looks again.
                self._arrived.notify()

    def close(self) -> None:
        """Returns when what waits is stored and the threads have left the database."""
        with self._arrived:
            self._is_closed = True
            self._arrived.notify_all()
        for thread in self._threads:
            thread.join(LONGEST_CLOSE_SECONDS)

    def _run(self) -> None:
        while True:
            with self._arrived:
                while (taken := self._next_group()) is None:
                    if self._is_closed and not self._waiting:
                        connection.close()
                        return
                    self._arrived.wait()
            identity, group = taken
            try:
                _commit(identity, group)
            finally:
                with self._arrived:
                    self._busy.discard(identity.organization_id)
                    if self._is_closed:
                        self._arrived.notify_all()

    def _next_group(self) -> tuple[KeyIdentity, list[_Waiting]] | None:
        """Whatever waits for one key, up to one commit's worth. Holds the lock."""
        identity = next((key for key in self._waiting if key.organization_id not in self._busy), None)
        if identity is None:
            return None
        queue = self._waiting[identity]
        group: list[_Waiting] = []
        size = 0
        while queue and (not group or size + len(queue[0].signals) <= ALERTS_PER_COMMIT):
            group.append(queue.popleft())
            size += len(group[-1].signals)
        if queue:
            self._waiting.move_to_end(identity)
        else:
            del self._waiting[identity]
        self._busy.add(identity.organization_id)
        left = self._alerts[identity.organization_id] - size
        if left:
            self._alerts[identity.organization_id] = left
        else:
            del self._alerts[identity.organization_id]
        return identity, group


def _commit(identity: KeyIdentity, group: Sequence[_Waiting]) -> None:
    try:
        received = _receive(identity, [entry.signals for entry in group])
    except (OperationalError, InterfaceError) as error:
        logger.warning("alerts of %d requests could not be stored: %s", len(group), error)
        for entry in group:
            entry.settled(None, Unavailable("The database is away. Send the request again."))
    except Exception as error:
        if len(group) == 1:
            group[0].settled(None, error)
            return
        # One request may be at fault, and the others must not pay for it.
        logger.warning("a group of %d requests failed together (%s); each is tried alone", len(group), error)
        for entry in group:
            _commit(identity, [entry])
    else:
        for entry, each in zip(group, received, strict=True):
            entry.settled(each, None)


def _receive(identity: KeyIdentity, batches: Sequence[Sequence[Signal]]) -> list[Received]:
    """Tried twice, since a connection may have died while nobody sent. An alert heard twice is a repetition."""
    with organization_scope(identity.organization_id, actor=identity.actor):
        try:
            return receive_batches(actor=identity.actor, batches=batches, service_id=identity.service_id)
        except (OperationalError, InterfaceError):
            connection.close()
            return receive_batches(actor=identity.actor, batches=batches, service_id=identity.service_id)
