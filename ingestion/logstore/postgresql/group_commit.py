"""Small requests share a commit: whatever waits while the last commit runs goes into the next. No timer.

An idle server commits each request at once; a busy one commits hundreds together, and its disk decides how
many. The caller gets its answer only after its own rows are durable.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field

import psycopg

from ingestion.logstore.port import LogStoreBusyError, LogStoreUnavailableError, Settled, WriteBatch, WriteOutcome
from ingestion.logstore.postgresql.writer import BatchWriter
from ingestion.metrics import queue_rows

logger = logging.getLogger(__name__)

ROWS_PER_COMMIT = 2_000
#: Of one organization, as long as another waits: a flood cannot fill a commit.
ROWS_PER_ORGANIZATION = 500
WAITING_ROWS = 60_000
WAITING_ROWS_PER_ORGANIZATION = 30_000
ANSWER_WITHIN_SECONDS = 30.0


@dataclass(slots=True)
class _Waiting:
    batch: WriteBatch
    settled: Settled


@dataclass(slots=True)
class _Blocked:
    """A thread that waits for its batch."""

    done: threading.Event = field(default_factory=threading.Event)
    outcome: WriteOutcome | None = None
    error: BaseException | None = None

    def settled(self, outcome: WriteOutcome | None, error: BaseException | None) -> None:
        self.outcome, self.error = outcome, error
        self.done.set()


class GroupCommitter:
    """One thread that commits, for all request threads of the process. Organizations take turns."""

    def __init__(self, writer: BatchWriter) -> None:
        self._writer = writer
        self._arrived = threading.Condition()
        self._waiting: OrderedDict[int, deque[_Waiting]] = OrderedDict()
        self._rows: dict[int, int] = {}
        self._total = 0
        self._thread: threading.Thread | None = None

    def write(self, batch: WriteBatch) -> WriteOutcome:
        """Waits until the batch is durable.

        Raises:
            LogStoreBusyError: too many rows wait already, of all or of this organization.
            LogStoreUnavailableError: the database is away, or did not commit within 30 s. Repeating is safe.
        """
        caller = _Blocked()
        self._enqueue(_Waiting(batch, caller.settled))
        if not caller.done.wait(ANSWER_WITHIN_SECONDS):
            raise LogStoreUnavailableError(f"the database did not commit within {ANSWER_WITHIN_SECONDS:g} s")
        if caller.error is not None:
            raise caller.error
        assert caller.outcome is not None
        return caller.outcome

    def begin(self, batch: WriteBatch, settled: Settled) -> None:
        """Returns at once; ``settled`` is called by the committing thread.

        Raises:
            LogStoreBusyError: as for ``write``.
        """
        self._enqueue(_Waiting(batch, settled))

    def _enqueue(self, entry: _Waiting) -> None:
        organization_id, size = entry.batch.organization_id, len(entry.batch.rows)
        with self._arrived:
            mine = self._rows.get(organization_id, 0)
            if self._total + size > WAITING_ROWS or mine + size > WAITING_ROWS_PER_ORGANIZATION:
                raise LogStoreBusyError(f"{self._total} logs wait to be committed")
            self._waiting.setdefault(organization_id, deque()).append(entry)
            self._rows[organization_id] = mine + size
            self._total += size
            queue_rows.set(self._total)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
                self._thread.start()
            self._arrived.notify()

    def _run(self) -> None:
        while True:
            with self._arrived:
                while not self._waiting:
                    self._arrived.wait()
                group = self._next_group()
            self._commit(group)

    def _next_group(self) -> list[_Waiting]:
        """Whatever waits, up to one commit's worth, organizations in turn. Holds the lock."""
        group: list[_Waiting] = []
        rows = 0
        progress = True
        while self._waiting and rows < ROWS_PER_COMMIT and progress:
            progress = False
            for organization_id in list(self._waiting):
                taken = self._take(organization_id, min(ROWS_PER_ORGANIZATION, ROWS_PER_COMMIT - rows), group)
                rows += taken
                progress = progress or taken > 0
                if rows >= ROWS_PER_COMMIT:
                    break
        self._total -= rows
        queue_rows.set(self._total)
        return group

    def _take(self, organization_id: int, quota: int, group: list[_Waiting]) -> int:
        queue = self._waiting[organization_id]
        taken = 0
        while queue and (taken == 0 or taken + len(queue[0].batch.rows) <= quota):
            entry = queue.popleft()
            group.append(entry)
            taken += len(entry.batch.rows)
        if queue:
            self._waiting.move_to_end(organization_id)
            self._rows[organization_id] -= taken
        else:
            del self._waiting[organization_id]
            del self._rows[organization_id]
        return taken

    def _commit(self, group: list[_Waiting]) -> None:
        try:
            outcomes = self._writer.write_group([entry.batch for entry in group])
        except LogStoreUnavailableError as error:
            for entry in group:
                entry.settled(None, error)
        except psycopg.Error as error:
            # One batch may be at fault, and the others must not pay for it.
            logger.warning("a group of %d requests failed together (%s); each is tried alone", len(group), error)
            for entry in group:
                self._commit_alone(entry)
        except BaseException as error:
            logger.exception("group commit failed")
            for entry in group:
                entry.settled(None, error)
        else:
            for entry, outcome in zip(group, outcomes, strict=True):
                entry.settled(outcome, None)

    def _commit_alone(self, entry: _Waiting) -> None:
        try:
            outcome = self._writer.write(entry.batch, None)
        except Exception as error:
            entry.settled(None, error)
        else:
            entry.settled(outcome, None)
