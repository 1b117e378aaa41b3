"""Wake-up calls: at once, then gathered, and the last one never forgotten."""

from __future__ import annotations

import itertools
import time

import pytest

from incident_center.kernel.scope import current_scope
from ingestion.events import LogsStored, logs_stored
from ingestion.levels import Level
from ingestion.wake_up import WakeUpCalls
from tests.ingestion.conftest import Shop
from tests.ingestion.helpers import body, log, post


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, LogsStored]]:
    """What one listener, in the place of detection's, was told and when."""
    calls: list[tuple[float, LogsStored]] = []

    def listen(call: LogsStored) -> None:
        assert current_scope().organization_id == call.organization_id
        calls.append((time.monotonic(), call))

    monkeypatch.setattr(logs_stored, "_handlers", [listen])
    return calls


def test_leading_and_trailing_edge(heard: list[tuple[float, LogsStored]]):
    calls = WakeUpCalls(interval=0.1)
    for _ in range(50):
        calls.stored(1, 7, Level.INFO, 2)
        time.sleep(0.002)
    ended = time.monotonic()
    calls.stored(1, 7, Level.ERROR, 1)
    assert calls.drain()
    mine = [(at, call) for at, call in heard if call.service_id == 7]
    assert mine[0][0] < ended, "the leading edge waited for the burst to end"
    assert sum(call.count for _, call in mine) == 101
    assert mine[-1][1].highest_level is Level.ERROR
    assert all(later - earlier >= 0.095 for (earlier, _), (later, _) in itertools.pairwise(mine))


def test_services_do_not_wait_for_one_another(heard: list[tuple[float, LogsStored]]):
    calls = WakeUpCalls(interval=5)
    calls.stored(1, 1, Level.INFO, 1)
    assert calls.drain()
    calls.stored(2, 2, Level.FATAL, 1)
    assert calls.drain(1)
    assert [call.service_id for _, call in heard] == [1, 2]


def test_a_listener_that_fails_stops_nothing(heard: list[tuple[float, LogsStored]], caplog: pytest.LogCaptureFixture):
    def broken(call: LogsStored) -> None:
        raise RuntimeError("broken")

    logs_stored.connect(broken)
    calls = WakeUpCalls(interval=0.01)
    for service_id in (1, 2):
        calls.stored(1, service_id, Level.INFO, 1)
        assert calls.drain()
    logs_stored.disconnect(broken)
    assert [call.service_id for _, call in heard] == [1, 2]
    assert "a listener failed" in caplog.text


def test_stored_logs_are_announced_and_duplicates_are_not(shop: Shop, heard: list[tuple[float, LogsStored]]):
    from ingestion.wake_up import wake_up_calls

    content = body([log(1, level="INFO"), log(2, level="FATAL")])
    post(shop.key, content)
    post(shop.key, content)
    assert wake_up_calls.drain()
    assert [call for _, call in heard] == [LogsStored(shop.organization_id, shop.service.pk, Level.FATAL, 2)]
