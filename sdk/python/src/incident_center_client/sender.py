"""The background thread: batches out of the queue, to the server or, while that is away, to the spool.

Order is kept: as long as something waits (a failed batch in memory, or events in the spool), what comes
later waits behind it. Delivery is at least once; the server recognizes repeated events by service, time and
content.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Callable

from .backoff import Backoff
from .event_queue import MOST_BATCH_BYTES, EventQueue
from .spool import Lane, adopt_lane, claim_lane
from .statistics import Counters
from .transport import Answer, Outcome, Transport


class _Guard(threading.local):
    """Whether this thread is doing our own work, so that a log record made by it must not come back to us."""

    active = False


guard = _Guard()


class Sender:
    """Owns the queue, the thread, the spool's lane and the back-off. Public methods are thread-safe."""

    def __init__(
        self,
        transport: Transport,
        *,
        new_queue: Callable[[], EventQueue],
        batch_size: int,
        timeout: float,
        exit_timeout: float,
        backoff: Backoff,
        spool_directory: Path | None,
        spool_limit: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._new_queue = new_queue
        self._batch_size = batch_size
        self._timeout = timeout
        self._exit_timeout = exit_timeout
        self._backoff = backoff
        self._spool_directory = spool_directory
        self._spool_limit = spool_limit
        self._monotonic = monotonic
        self._forked = False
        self._lane: Lane | None = None
        self._reset()
        _SENDERS.add(self)

    def _reset(self) -> None:
        self.counters = Counters(self._monotonic)
        self._condition = threading.Condition()
        self._queue = self._new_queue()
        self._pending: list[bytes] = []
        self._thread: threading.Thread | None = None
        self._accepted = self._settled = self._flush_target = 0
        self._attempt = self._failures = 0
        self._retry_at = 0.0
        self._told_to_wait = False
        self._trouble = ""
        self._deadline: float | None = None
        self._finished = False

    def _reset_after_fork(self) -> None:
        """The child begins empty: what was queued is the parent's to send, and so are its thread and
        files.
        """
        self._transport.abandon_after_fork()
        lane, self._lane = self._lane, None
        if lane is not None:
            lane.abandon_after_fork()
        self._forked = True
        guard.active = False
        self._reset()

    # Called by the application's threads

    def submit(self, event: bytes, *, urgent: bool) -> None:
        """Queue one event, or count it as dropped. Waits for nothing but a short lock."""
        with self._condition:
            if self._deadline is not None:
                self.counters.drop(1, "logged after the handler was closed")
                return
            now = self._monotonic()
            idle = not self._queue
            if not self._queue.put(event, now, urgent=urgent):
                self.counters.drop(1, f"the queue is full{f'; {self._trouble}' if self._trouble else ''}")
                return
            self._accepted += 1
            self._start_thread()
            if idle or self._queue.due_in(now) == 0.0:
                self._condition.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until all that is queued now is sent, spooled or dropped: True.

        False after `timeout` seconds or, without a spool, as soon as an attempt fails or the server has asked
        for a pause: what remains is still queued then.
        """
        end = self._monotonic() + timeout
        with self._condition:
            target = self._flush_target = self._accepted
            failures = self._failures
            if self._settled < target:
                self._start_thread()
            self._condition.notify_all()
            while self._settled < target:
                left = end - self._monotonic()
                paused = bool(self._pending) and self._retry_at > self._monotonic()
                # With a spool, a failed batch is on its way to the disk and counts as settled there.
                stuck = self._spool_directory is None and (paused or self._failures > failures)
                if left <= 0 or stuck or not self._is_running():
                    return False
                self._condition.wait(left)
            return True

    def close(self, timeout: float) -> None:
        """Deliver, spool or drop everything within about `timeout` seconds, and stop."""
        with self._condition:
            if self._deadline is not None:
                return
            self._deadline = self._monotonic() + timeout
            if not self._told_to_wait:
                self._retry_at = 0.0
            self._condition.notify_all()
            thread = self._thread
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            thread.join(timeout)
        elif self._queue or self._pending:
            # At interpreter shutdown no thread can be started any more: this one does the work.
            self._run()
        # Still in a slow request: what it has in hand may arrive, or may not. Twice is better than never.
        self._give_up("not delivered before the end of the process")
        if self._lane is not None and not self._is_running():
            _quietly(self._lane.close)
            self._lane = None
        self.counters.warn(now=True)

    def _start_thread(self) -> None:
        if self._is_running():
            return
        thread = threading.Thread(target=self._run, name="incident-center-sender", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # No more threads (a limit, or the interpreter is ending): the next record or `close` tries again.
            return
        self._thread = thread
        if self._forked:
            self._close_at_exit_of_child()

    def _is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _close_at_exit_of_child(self) -> None:
        # Children of multiprocessing (and Celery's billiard) end by os._exit, without logging's atexit hook.
        for name in ("multiprocessing.util", "billiard.util"):
            utilities = sys.modules.get(name)
            if utilities is not None:
                utilities.Finalize(None, self.close, args=(self._exit_timeout,), exitpriority=0)

    # The background thread

    def _run(self) -> None:
        guard_before, guard.active = guard.active, True
        try:
            self._adopt_lane()
            while self._turn():
                self.counters.warn()
        except Exception as error:
            # A defect here must cost logs, not the application; the next record starts a new thread.
            self.counters.complain(f"the sender stopped: {type(error).__name__}: {error}")
            self.counters.warn(now=True)
        finally:
            self._transport.close()
            guard.active = guard_before

    def _turn(self) -> bool:
        """Do the next thing that is due; False when the work is over."""
        with self._condition:
            self._wait_until_due()
            if self._finished:
                return False
            if not self._pending:
                self._pending = self._queue.take()
        failures = self._failures
        if self._lane is not None:
            self._spool_pending()
        if self._monotonic() >= self._retry_at:
            if self._lane is not None:
                self._replay()
            elif self._pending:
                self._deliver()
        if self._deadline is None:
            return True
        # At the end: with a spool the first failure decides, without one the second.
        failed = self._failures > failures and (self._spool_directory is not None or self._attempt > 1)
        if failed or max(self._monotonic(), self._retry_at) >= self._deadline:
            self._give_up(self._trouble or "not delivered before the end of the process")
        with self._condition:
            return not self._finished and bool(self._pending or self._queue or self._lane)

    def _wait_until_due(self) -> None:
        while not self._finished:
            due = self._due_in(self._monotonic())
            if due is not None and due <= 0:
                return
            if self._deadline is not None and (due is None or self._monotonic() + due >= self._deadline):
                return
            self._condition.wait(due)

    def _due_in(self, now: float) -> float | None:
        """Seconds until there is something to do; None: not before somebody notifies."""
        retry_in = max(0.0, self._retry_at - now)
        if self._pending:
            return retry_in
        batch_in = self._queue.due_in(now)
        if batch_in is not None and (self._deadline is not None or self._settled < self._flush_target):
            batch_in = 0.0
        if self._lane is None:
            return batch_in
        return retry_in if batch_in is None else min(batch_in, retry_in)

    def _deliver(self) -> None:
        batch = self._pending
        left = self._send(batch)
        with self._condition:
            if self._finished:
                return
            self._settle(len(batch) - len(left))
            self._pending = left
        if left and self._spool_directory is not None:
            self._spool_pending()

    def _replay(self) -> None:
        lane = self._lane
        if lane is None:
            return
        try:
            batch = lane.head(self._batch_size, MOST_BATCH_BYTES)
            if batch is None:
                self._leave_lane(lane)
                return
            self.counters.drop(batch.damaged, "the spool was damaged")
            if not batch.events or not self._send(batch.events):
                lane.done(batch)
        except FileNotFoundError:
            # Somebody cleaned up. What is left of the lane is adopted like that of a dead process.
            self.counters.complain("a file of the spool was removed, and the records in it are lost")
            self._leave_lane(lane)
        except OSError as error:
            self._postpone(Answer(Outcome.RETRY, f"the spool cannot be read: {error}", misconfigured=True))

    def _leave_lane(self, lane: Lane) -> None:
        _quietly(lane.close)
        self._lane = None
        self._adopt_lane()

    def _send(self, events: list[bytes]) -> list[bytes]:
        """Send events in order and return those that are to be tried again later."""
        timeout = self._timeout
        if self._deadline is not None:
            timeout = max(0.1, min(timeout, self._deadline - self._monotonic()))
        answer = self._transport.send(events, timeout)
        if answer.outcome is Outcome.RETRY:
            self.counters.add("retried", len(events))
            self._postpone(answer)
            return events
        self._attempt, self._retry_at, self._told_to_wait, self._trouble = 0, 0.0, False, ""
        if answer.outcome is Outcome.DELIVERED:
            self.counters.add("sent", len(events))
            if answer.dead_lettered:
                self.counters.add("rejected", answer.dead_lettered)
                self.counters.complain("the server put some records among its dead letters")
        elif answer.outcome is Outcome.TOO_LARGE and len(events) > 1:
            middle = len(events) // 2
            left = self._send(events[:middle])
            return left + events[middle:] if left else self._send(events[middle:])
        else:
            self.counters.drop(len(events), answer.detail)
        return []

    def _postpone(self, answer: Answer) -> None:
        if answer.misconfigured:
            self.counters.complain(answer.detail)
        with self._condition:
            self._attempt += 1
            self._failures += 1
            self._trouble = answer.detail
            self._told_to_wait = answer.retry_after is not None
            self._retry_at = self._monotonic() + self._backoff.delay(self._attempt, answer.retry_after)
            self._condition.notify_all()

    # The spool

    def _adopt_lane(self) -> None:
        """Take over what a dead process has left in the spool."""
        if self._spool_directory is None or self._lane is not None:
            return
        try:
            self._lane = adopt_lane(self._spool_directory, self._spool_limit)
        except OSError as error:
            self.counters.complain(f"the spool cannot be used: {error}")

    def _spool_pending(self) -> None:
        """Move the pending batch to the spool. What does not fit stays pending, and the queue fills behind
        it.
        """
        stored = self._append_to_spool(self._pending)
        with self._condition:
            if not self._finished:
                self._settle(stored)
                self._pending = self._pending[stored:]

    def _append_to_spool(self, events: list[bytes]) -> int:
        """Write to disk (never with the lock held: the application's threads need it) and return how many
        fitted.
        """
        if not events or self._spool_directory is None:
            return 0
        try:
            if self._lane is None:
                self._lane = claim_lane(self._spool_directory, self._spool_limit)
            stored = self._lane.append(events)
        except OSError as error:
            self.counters.complain(f"the spool cannot be written: {error}")
            return 0
        self.counters.add("spooled", stored)
        return stored

    def _settle(self, count: int) -> None:
        self._settled += count
        self._condition.notify_all()

    def _give_up(self, reason: str) -> None:
        """End: what is left goes to the spool, and what does not fit there is counted as dropped."""
        with self._condition:
            if self._finished:
                return
            self._finished = True
            left = self._pending + self._queue.take_all()
            self._pending = []
        self.counters.drop(len(left) - self._append_to_spool(left), reason)
        with self._condition:
            self._settle(len(left))


def _quietly(action: Callable[[], None]) -> None:
    try:
        action()
    except OSError:
        # Closing is a courtesy: the lock goes with the process, and the events stay where they are.
        return


_SENDERS: weakref.WeakSet[Sender] = weakref.WeakSet()


def _reset_senders_after_fork() -> None:
    for sender in list(_SENDERS):
        sender._reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_senders_after_fork)
