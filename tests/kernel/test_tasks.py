"""Tasks carry their publisher's scope, and publishing neither waits nor fails."""

from __future__ import annotations

import pytest
from kombu.exceptions import OperationalError

from incident_center.celery import app
from incident_center.kernel.scope import Actor, current_scope, organization_scope
from incident_center.kernel.tasks import ACTOR_HEADER, ORGANIZATION_HEADER, Publisher, ScopedTask, _carry_scope


def test_a_message_carries_the_scope_and_the_worker_reopens_it():
    @app.task(name="tests.scope", base=ScopedTask)
    def task():
        return current_scope()

    actor = Actor.system("publisher")
    headers: dict = {}
    with organization_scope(7, actor=actor):
        _carry_scope(headers=headers)
    assert headers == {ORGANIZATION_HEADER: 7, ACTOR_HEADER: str(actor)}
    task.push_request(headers=headers)
    try:
        inside = task()
    finally:
        task.pop_request()
    assert (inside.organization_id, inside.actor) == (7, actor)
    assert current_scope().organization_id is None


def test_a_task_that_fails_leaves_no_scope_behind():
    @app.task(name="tests.failing", base=ScopedTask)
    def failing() -> None:
        raise ZeroDivisionError

    failing.push_request(headers={ORGANIZATION_HEADER: 7})
    try:
        with pytest.raises(ZeroDivisionError):
            failing()
    finally:
        failing.pop_request()
    assert current_scope().organization_id is None


def test_a_broker_that_refuses_stops_nobody(caplog):
    class Refusing:
        name = "tests.refused"

        def apply_async(self, **_):
            raise OperationalError("connection refused")

    publisher = Publisher()
    publisher.publish(Refusing(), {}, current_scope())
    publisher.drain()
    assert "tests.refused not published: connection refused" in caplog.text
    publisher.publish(Refusing(), {}, current_scope())
    publisher.drain()


def test_a_full_backlog_drops_the_oldest_call(monkeypatch):
    monkeypatch.setattr("incident_center.kernel.tasks.LONGEST_BACKLOG", 2)
    published: list[int] = []

    class Recording:
        name = "tests.recorded"

        def apply_async(self, kwargs, **_):
            published.append(kwargs["number"])

    publisher = Publisher()
    monkeypatch.setattr(publisher, "_ensure_thread", lambda: None)
    for number in range(4):
        publisher.publish(Recording(), {"number": number}, current_scope())
    publisher._backlog.get_nowait()
    publisher._backlog.put(None)
    publisher._run()
    assert published == [3]
