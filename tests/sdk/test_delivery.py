"""Batches, order, and what each kind of answer does to a batch."""

from __future__ import annotations

import threading
import time

import pytest

from .conftest import PATIENCE, Reply


def test_a_batch_leaves_when_it_is_full(intake, new_handler, new_logger):
    handler = new_handler(batch_size=10, flush_interval=60)
    logger = new_logger(handler)
    for number in range(10):
        logger.info("order %d", number)
    assert intake.wait_for_messages(10) == [f"order {number}" for number in range(10)]
    assert len(intake.requests) == 1


def test_a_batch_leaves_when_it_is_old(intake, new_handler, new_logger):
    logger = new_logger(new_handler(batch_size=10_000, flush_interval=0.05))
    logger.info("alone")
    assert intake.wait_for_messages(1) == ["alone"]


def test_an_error_leaves_at_once_and_takes_along_what_came_before(intake, new_handler, new_logger):
    logger = new_logger(new_handler(batch_size=10_000, flush_interval=3600))
    logger.info("before")
    logger.error("boom")
    assert intake.wait_for_messages(2) == ["before", "boom"]


def test_requests_carry_key_and_agent_over_one_connection(intake, new_handler, new_logger):
    handler = new_handler(url=intake.url + "/")
    logger = new_logger(handler)
    for number in range(3):
        logger.error("failure %d", number)
        intake.wait_for_messages(number + 1)
    assert {request.connection for request in intake.requests} == {intake.requests[0].connection}
    headers = intake.requests[0].headers
    assert headers["x-api-key"] == "ick_test"
    assert headers["user-agent"].startswith("incident-center-client/")
    assert headers[":path"] == "/v1/ingest"


def test_large_bodies_are_compressed_and_small_ones_are_not(intake, new_handler, new_logger):
    logger = new_logger(new_handler(compress_above=2000))
    logger.error("small")
    intake.wait_for_messages(1)
    logger.error("large" * 1000)
    intake.wait_for_messages(2)
    assert "content-encoding" not in intake.requests[0].headers
    assert intake.requests[1].headers["content-encoding"] == "gzip"


def test_flush_waits_for_delivery(intake, new_handler, new_logger):
    handler = new_handler(batch_size=10_000, flush_interval=3600)
    logger = new_logger(handler)
    for number in range(100):
        logger.info("order %d", number)
    assert handler.flush(PATIENCE) is True
    assert len(intake.messages) == 100
    assert handler.statistics.sent == 100


def test_records_of_many_threads_keep_each_threads_order(intake, new_handler, new_logger):
    handler = new_handler(batch_size=50)
    logger = new_logger(handler)

    def work(name: int) -> None:
        for number in range(200):
            logger.info("%d %d", name, number)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert handler.flush(PATIENCE)
    pairs = [tuple(map(int, message.split())) for message in intake.messages]
    assert len(pairs) == 1600
    for name in range(8):
        assert [number for owner, number in pairs if owner == name] == list(range(200))
    assert len({log["timestamp"] for log in intake.accepted}) == 1600


def test_a_failing_server_is_retried_with_backoff_and_loses_nothing(intake, new_handler, new_logger, backoff):
    intake.replies.extend([Reply(500), Reply(502), Reply(503)])
    handler = new_handler()
    logger = new_logger(handler)
    logger.error("persistent")
    assert intake.wait_for_messages(1) == ["persistent"]
    assert handler.flush(PATIENCE)
    assert backoff.asked == [(1, None), (2, None), (3, None)]
    statistics = handler.statistics
    assert (statistics.sent, statistics.retried, statistics.dropped) == (1, 3, 0)
    first, *others = intake.requests
    assert all(request.body == first.body for request in others), "a retry must be recognizable by its content"


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_handed_to_the_backoff(intake, new_handler, new_logger, backoff, status):
    intake.replies.append(Reply(status, {"Retry-After": "7"}))
    logger = new_logger(new_handler())
    logger.error("slow down")
    assert intake.wait_for_messages(1) == ["slow down"]
    assert backoff.asked == [(1, 7.0)]


def test_while_told_to_wait_nothing_is_sent_and_flush_returns_at_once(intake, new_handler, new_logger, backoff):
    backoff.seconds = 3600
    intake.replies.append(Reply(429, {"Retry-After": "3600"}))
    handler = new_handler(exit_timeout=1.0)
    logger = new_logger(handler)
    logger.error("first")
    assert backoff.called.wait(PATIENCE)
    logger.error("second")
    assert handler.flush(PATIENCE) is False
    began = time.monotonic()
    handler.close()
    assert time.monotonic() - began < 5
    assert len(intake.requests) == 1
    assert handler.statistics.dropped == 2


def test_a_bad_batch_is_dropped_and_the_next_one_goes_through(intake, new_handler, new_logger, capfd):
    intake.replies.append(Reply(400, body={"title": "Bad Request", "detail": "no JSON"}))
    handler = new_handler()
    logger = new_logger(handler)
    logger.error("bad")
    intake.wait_for(lambda: len(intake.requests) == 1)
    logger.error("good")
    assert intake.wait_for_messages(1) == ["good"]
    assert handler.flush(PATIENCE)
    assert (handler.statistics.dropped, handler.statistics.retried) == (1, 0)
    handler.close()
    assert "1 log records dropped: the server answered 400 (no JSON)" in capfd.readouterr().err


def test_a_batch_too_large_is_halved_until_it_fits(intake, new_handler, new_logger):
    intake.replies.extend([Reply(413), Reply(413)])
    handler = new_handler(batch_size=8, flush_interval=60)
    logger = new_logger(handler)
    for number in range(8):
        logger.info("%d", number)
    assert intake.wait_for_messages(8) == [str(number) for number in range(8)]
    assert [len(request.logs) for request in intake.requests] == [8, 4, 2, 2, 4]


def test_one_record_too_large_is_dropped(intake, new_handler, new_logger):
    intake.replies.append(Reply(413))
    handler = new_handler()
    logger = new_logger(handler)
    logger.error("huge")
    assert handler.flush(PATIENCE)
    assert handler.statistics.dropped == 1


def test_a_dead_key_keeps_the_records_and_says_so(intake, new_handler, new_logger, backoff, capfd):
    intake.replies.append(Reply(401, body={"detail": "The key was revoked."}))
    handler = new_handler()
    logger = new_logger(handler)
    logger.error("kept")
    assert intake.wait_for_messages(1) == ["kept"]
    assert handler.flush(PATIENCE)
    handler.close()
    assert "401 (The key was revoked.); check url and key" in capfd.readouterr().err


def test_dead_letters_are_counted(intake, new_handler, new_logger):
    intake.replies.append(Reply(200, body={"received": 0, "duplicates_skipped": 0, "dead_lettered": 1}))
    handler = new_handler()
    new_logger(handler).error("odd")
    assert handler.flush(PATIENCE)
    assert (handler.statistics.sent, handler.statistics.rejected) == (1, 1)


def test_an_idle_connection_closed_by_the_server_costs_no_backoff(intake, new_handler, new_logger, backoff):
    handler = new_handler()
    logger = new_logger(handler)
    logger.error("first")
    assert handler.flush(PATIENCE)
    intake.cut_connections()
    logger.error("second")
    assert intake.wait_for_messages(2) == ["first", "second"]
    assert backoff.asked == []


def test_a_full_queue_drops_the_newest_but_keeps_room_for_errors(intake, new_handler, new_logger, capfd):
    hold = threading.Event()
    intake.replies.append(Reply(hold=hold))
    handler = new_handler(queue_size=100)
    logger = new_logger(handler)
    logger.error("in flight")
    intake.wait_for(lambda: len(intake.requests) == 1)
    for number in range(200):
        logger.info("chatter %d", number)
    logger.error("important")
    hold.set()
    assert handler.flush(PATIENCE)
    assert intake.messages == ["in flight", *(f"chatter {number}" for number in range(90)), "important"]
    assert handler.statistics.dropped == 110
    handler.close()
    assert "110 log records dropped: the queue is full" in capfd.readouterr().err


def test_logging_never_waits_for_a_server_that_hangs(intake, new_handler, new_logger):
    hold = threading.Event()
    intake.replies.append(Reply(hold=hold))
    handler = new_handler(queue_size=100_000)
    logger = new_logger(handler)
    logger.error("in flight")
    intake.wait_for(lambda: len(intake.requests) == 1)
    began = time.monotonic()
    for number in range(5000):
        logger.info("order %d", number)
    took = time.monotonic() - began
    hold.set()
    assert took < 5, f"5,000 records took {took:.2f} s"
    assert handler.flush(PATIENCE)


def test_close_is_bounded_in_time_while_the_server_hangs(intake, new_handler, new_logger):
    hold = threading.Event()
    intake.replies.append(Reply(hold=hold))
    handler = new_handler(exit_timeout=0.4)
    logger = new_logger(handler)
    logger.error("in flight")
    intake.wait_for(lambda: len(intake.requests) == 1)
    began = time.monotonic()
    handler.flush()
    handler.close()
    assert time.monotonic() - began < 3
    hold.set()
    assert handler.statistics.dropped == 1


def test_after_close_records_are_counted_and_nothing_is_raised(intake, new_handler, new_logger):
    handler = new_handler()
    logger = new_logger(handler)
    handler.close()
    handler.close()
    logger.error("late")
    assert handler.statistics.dropped == 1
    assert intake.requests == []


def test_settings_that_cannot_work_are_refused_at_once(new_handler, monkeypatch):
    for settings in ({"url": "ftp://example.com"}, {"key": "a\nb"}, {"batch_size": 0}, {"queue_size": 0}):
        with pytest.raises(ValueError):
            new_handler(**settings)


def test_url_and_key_come_from_the_environment(intake, new_handler, new_logger, monkeypatch):
    monkeypatch.setenv("INCIDENT_CENTER_URL", intake.url)
    monkeypatch.setenv("INCIDENT_CENTER_KEY", "ick_environment")
    new_logger(new_handler(url=None, key=None)).error("hello")
    intake.wait_for_messages(1)
    assert intake.requests[0].headers["x-api-key"] == "ick_environment"
