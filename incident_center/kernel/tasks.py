"""Tasks carry the scope of the code that published them, and publishing never waits for the broker.

The broker is a wake-up call: what must happen is a row in PostgreSQL, and a sweep finds the rows whose message was
lost. So a publish that fails is logged and forgotten, and happens on a thread of its own: with the broker refusing
connections a publish takes most of a second.
"""

from __future__ import annotations

import atexit
import logging
import queue
import threading
from typing import Any

from celery import Task, signals
from django.db import close_old_connections, transaction

from incident_center.kernel.scope import Actor, Scope, current_scope, no_scope, organization_scope

logger = logging.getLogger(__name__)

ORGANIZATION_HEADER = "incident_center_organization"
ACTOR_HEADER = "incident_center_actor"
LONGEST_BACKLOG = 10_000


class ScopedTask(Task):
    """The base of all tasks: runs in the scope that was open when the task was published."""

    abstract = True

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        headers = self.request.headers or {}
        organization_id = headers.get(ORGANIZATION_HEADER) or getattr(self.request, ORGANIZATION_HEADER, None)
        actor_text = headers.get(ACTOR_HEADER) or getattr(self.request, ACTOR_HEADER, None)
        actor = Actor.parse(actor_text) if actor_text else Actor.system(self.name or "task")
        close_old_connections()
        try:
            if organization_id is None:
                with no_scope(actor=actor):
                    return super().__call__(*arguments, **keywords)
            with organization_scope(int(organization_id), actor=actor):
                return super().__call__(*arguments, **keywords)
        finally:
            close_old_connections()


@signals.before_task_publish.connect
def _carry_scope(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Puts the publisher's scope into the message's headers; one given explicitly wins."""
    if headers is None:
        return
    scope = current_scope()
    if scope.organization_id is not None:
        headers.setdefault(ORGANIZATION_HEADER, scope.organization_id)
    if scope.actor is not None:
        headers.setdefault(ACTOR_HEADER, str(scope.actor))


class Publisher:
    """Hands tasks to the broker from one background thread; a full backlog drops the oldest wake-up call."""

    def __init__(self) -> None:
        self._backlog: queue.Queue[tuple[Task, dict[str, Any], Scope] | None] = queue.Queue(LONGEST_BACKLOG)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def publish(self, task: Task, keywords: dict[str, Any], scope: Scope) -> None:
        self._ensure_thread()
        while True:
            try:
                self._backlog.put_nowait((task, keywords, scope))
                return
            except queue.Full:
                try:
                    self._backlog.get_nowait()
                except queue.Empty:
                    continue

    def drain(self, timeout: float = 2.0) -> None:
        """Waits, at most ``timeout`` seconds, until what was handed over has been published."""
        thread = self._thread
        if thread is not None and thread.is_alive():
            self._backlog.put(None)
            thread.join(timeout)

    def _ensure_thread(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="task-publisher", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            item = self._backlog.get()
            if item is None:
                return
            task, keywords, scope = item
            try:
                with _scope_of(scope):
                    task.apply_async(kwargs=keywords, retry=False)
            except Exception as error:  # Whatever the broker's client raises: a sweep finds the row.
                logger.warning("wake-up call %s not published: %s", task.name, error)


def _scope_of(scope: Scope) -> Any:
    if scope.organization_id is None:
        return no_scope(actor=scope.actor)
    return organization_scope(scope.organization_id, actor=scope.actor)


publisher = Publisher()
atexit.register(publisher.drain)


def enqueue(task: Task, **keywords: Any) -> None:
    """Publishes the task soon, from the background, in the present scope. Never blocks and never raises."""
    publisher.publish(task, keywords, current_scope())


def enqueue_on_commit(task: Task, **keywords: Any) -> None:
    """As ``enqueue``, once the open transaction has committed; at once where there is none."""
    scope = current_scope()
    transaction.on_commit(lambda: publisher.publish(task, keywords, scope), robust=True)
