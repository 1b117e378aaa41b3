"""Worker processes that can be killed in the middle of a step: forked, driven through pipes, on time that a test makes.

A worker does at each order what the sweeps of a real one do at that moment: what is due of escalations, and of clocks.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from django.db import connections
from django.utils import timezone

from incidents.events import RespondersPaged, responders_paged
from tests.incidents.escalation.factories import sweep_at
from tests.incidents.sla.factories import enter_due

DONE = b"done\n"
END = b"end\n"


class VirtualTime:
    """The present, for everything in this process that asks Django for it."""

    def __init__(self, began_at: datetime) -> None:
        self.now = began_at

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Worker:
    pid: int
    orders: BinaryIO
    answers: BinaryIO

    def order(self, now: datetime, *, die: bool = False) -> None:
        """Asks for one sweep at a moment. With ``die`` it kills itself with SIGKILL while its first page is being
        written: the step's row is there, its transaction is open.
        """
        self.orders.write(f"{now.isoformat()} {'die' if die else 'live'}\n".encode())
        self.orders.flush()

    def answer(self) -> str:
        """Waits until the sweep is done: empty, or what went wrong. ``killed`` where the worker is no more."""
        line = self.answers.readline()
        if not line:
            os.waitpid(self.pid, 0)
            self.orders.close()
            self.answers.close()
            return "killed"
        return "" if line == DONE else line.decode()

    def end(self) -> None:
        """By word: closing the pipe would not do, since workers that were forked later hold its other end too."""
        self.orders.write(END)
        self.orders.close()
        self.answers.close()
        os.waitpid(self.pid, 0)


def start_worker(time: VirtualTime) -> Worker:
    """Forks. The connections of this process are closed before, so that the two share none."""
    connections.close_all()
    order_out, order_in = os.pipe()
    answer_out, answer_in = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(order_in)
            os.close(answer_out)
            _serve(os.fdopen(order_out, "rb"), os.fdopen(answer_in, "wb"), time)
            status = 0
        finally:
            os._exit(status)
    os.close(order_out)
    os.close(answer_in)
    return Worker(pid, os.fdopen(order_in, "wb"), os.fdopen(answer_out, "rb"))


def _serve(orders: BinaryIO, answers: BinaryIO, time: VirtualTime) -> None:
    timezone.now = time  # type: ignore[assignment]
    for order in orders:
        if order == END:
            break
        moment, fate = order.decode().split()
        time.now = datetime.fromisoformat(moment)
        if fate == "die":
            responders_paged.connect(_die)
        answers.write(_answer_to(lambda: (sweep_at(time.now), enter_due(time.now))))
        answers.flush()
        if fate == "die":  # Nothing was due, so it lived.
            responders_paged.disconnect(_die)


def _answer_to(sweep: Callable[[], object]) -> bytes:
    try:
        sweep()
    except Exception:
        return traceback.format_exc(limit=-3).replace("\n", " | ").encode() + b"\n"
    return DONE


def _die(page: RespondersPaged) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
