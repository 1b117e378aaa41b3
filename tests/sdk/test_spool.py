"""The spool: what is written while the server is away is replayed in order, and its size is bounded."""

from __future__ import annotations

import json
import shutil
import threading

import pytest
from incident_center_client import file_lock, spool
from incident_center_client.spool import SEGMENT_BYTES, adopt_lane, claim_lane

from .conftest import PATIENCE, Reply

LIMIT = 16 * 1024 * 1024


def event(number: int, size: int = 0) -> bytes:
    return json.dumps({"message": number, "padding": "x" * size}).encode()


def drain(lane, most_events=1000):
    events = []
    while (batch := lane.head(most_events, 10**9)) is not None:
        events += batch.events
        lane.done(batch)
    return events


def test_events_come_back_in_order_over_several_segments(tmp_path):
    lane = claim_lane(tmp_path, LIMIT)
    events = [event(number, 10_000) for number in range(500)]
    for start in range(0, 500, 50):
        assert lane.append(events[start : start + 50]) == 50
    assert len(list(lane.directory.glob("*.jsonl"))) >= 4 * 1024 * 1024 // SEGMENT_BYTES
    assert drain(lane, 37) == events
    assert lane.is_empty()


def test_a_head_that_is_not_done_comes_again(tmp_path):
    lane = claim_lane(tmp_path, LIMIT)
    lane.append([event(1), event(2)])
    assert lane.head(1, 10**6).events == lane.head(1, 10**6).events == [event(1)]


def test_a_head_is_bounded_in_events_and_bytes_but_never_empty(tmp_path):
    lane = claim_lane(tmp_path, LIMIT)
    lane.append([event(number, 100) for number in range(10)])
    assert len(lane.head(3, 10**6).events) == 3
    assert len(lane.head(10, 300).events) == 2
    assert len(lane.head(10, 1).events) == 1


def test_the_limit_holds_and_room_comes_back(tmp_path):
    lane = claim_lane(tmp_path, 1000)
    events = [event(number, 70) for number in range(30)]
    stored = lane.append(events)
    assert 0 < stored < 30
    assert lane.append(events[stored:]) == 0
    assert sum(path.stat().st_size for path in lane.directory.glob("*.jsonl")) <= 1000
    assert drain(lane) == events[:stored]
    assert lane.append(events[stored : stored + 3]) == 3


def test_a_lane_survives_its_process_and_goes_on_where_it_was(tmp_path):
    lane = claim_lane(tmp_path, LIMIT)
    lane.append([event(number) for number in range(10)])
    lane.done(lane.head(4, 10**6))
    lane.close()
    again = adopt_lane(tmp_path, LIMIT)
    again.append([event(10)])
    assert drain(again) == [event(number) for number in range(4, 11)]


def test_a_torn_last_line_is_left_out_and_what_follows_is_not(tmp_path):
    lane = claim_lane(tmp_path, LIMIT)
    lane.append([event(1), event(2)])
    lane.close()
    segment = next(lane.directory.glob("*.jsonl"))
    segment.write_bytes(segment.read_bytes() + event(3)[:-4])
    again = adopt_lane(tmp_path, LIMIT)
    again.append([event(4)])
    assert drain(again) == [event(1), event(2), event(4)]


def test_a_damaged_line_is_counted_and_passed_over(tmp_path):
    lane = claim_lane(tmp_path, LIMIT)
    lane.append([event(1), event(2)])
    lane.close()
    segment = next(lane.directory.glob("*.jsonl"))
    segment.write_bytes(event(1) + b"\n" + b"\x00" * 40 + b"\n" + event(2) + b"\n")
    batch = adopt_lane(tmp_path, LIMIT).head(10, 10**6)
    assert (batch.events, batch.damaged) == ([event(1), event(2)], 1)


def test_a_damaged_position_replays_rather_than_loses(tmp_path):
    lane = claim_lane(tmp_path, LIMIT)
    lane.append([event(1), event(2)])
    lane.done(lane.head(1, 10**6))
    lane.close()
    (lane.directory / "position").write_text("")
    assert drain(adopt_lane(tmp_path, LIMIT)) == [event(1), event(2)]


def test_a_lane_in_use_is_left_alone_and_an_empty_one_removed(tmp_path):
    lane = claim_lane(tmp_path, LIMIT)
    lane.append([event(1)])
    assert adopt_lane(tmp_path, LIMIT) is None
    other = claim_lane(tmp_path, LIMIT)
    assert other.directory != lane.directory
    other.close()
    assert not other.directory.exists()


def test_nobody_else_can_read_the_spool(tmp_path):
    lane = claim_lane(tmp_path / "spool", LIMIT)
    lane.append([event(1)])
    assert (tmp_path / "spool").stat().st_mode & 0o077 == 0
    for path in [lane.directory, *lane.directory.iterdir()]:
        assert path.stat().st_mode & 0o077 == 0


# Through the handler


def test_server_down_then_up_replays_in_order_without_loss(intake, new_handler, new_logger, tmp_path):
    handler = new_handler(spool_directory=tmp_path, batch_size=7)
    logger = new_logger(handler)
    logger.error("0")
    intake.wait_for_messages(1)
    intake.stop()
    for number in range(1, 101):
        logger.info("%d", number)
    assert handler.flush(PATIENCE), "with a spool, flush is satisfied when everything is on disk"
    assert handler.statistics.spooled == 100
    intake.start()
    logger.error("101")
    assert intake.wait_for_messages(102) == [str(number) for number in range(102)]
    assert handler.flush(PATIENCE)
    handler.close()
    assert (handler.statistics.sent, handler.statistics.dropped) == (102, 0)
    assert list(tmp_path.iterdir()) == [], "an empty spool leaves nothing behind"


def test_errors_do_not_overtake_the_replay(intake, new_handler, new_logger, tmp_path):
    hold = threading.Event()
    intake.replies.extend([Reply(503), Reply(hold=hold)])
    handler = new_handler(spool_directory=tmp_path)
    logger = new_logger(handler)
    logger.error("first")
    intake.wait_for(lambda: len(intake.requests) == 2)
    logger.error("second")
    hold.set()
    assert intake.wait_for_messages(2) == ["first", "second"]


def test_a_refused_batch_does_not_block_the_spool(intake, new_handler, new_logger, tmp_path):
    intake.replies.extend([Reply(503), Reply(400)])
    handler = new_handler(spool_directory=tmp_path)
    logger = new_logger(handler)
    logger.error("poison")
    intake.wait_for(lambda: len(intake.requests) == 2)
    logger.error("good")
    assert intake.wait_for_messages(1) == ["good"]
    handler.close()
    assert handler.statistics.dropped == 1


def test_close_saves_to_the_spool_and_the_next_handler_sends_it(intake, new_handler, new_logger, tmp_path):
    intake.stop()
    first = new_handler(spool_directory=tmp_path)
    new_logger(first).error("before the restart")
    first.close()
    assert (first.statistics.spooled, first.statistics.dropped) == (1, 0)
    intake.start()
    second = new_handler(spool_directory=tmp_path)
    new_logger(second).error("after the restart")
    assert intake.wait_for_messages(2) == ["before the restart", "after the restart"]


def test_a_request_in_flight_at_close_is_saved_too(intake, new_handler, new_logger, tmp_path):
    hold = threading.Event()
    intake.replies.append(Reply(hold=hold))
    handler = new_handler(spool_directory=tmp_path, exit_timeout=0.2)
    new_logger(handler).error("in flight")
    intake.wait_for(lambda: len(intake.requests) == 1)
    handler.close()
    hold.set()
    assert (handler.statistics.spooled, handler.statistics.dropped) == (1, 0)


def test_a_full_spool_fills_the_queue_and_then_drops(intake, new_handler, new_logger, tmp_path):
    intake.stop()
    handler = new_handler(spool_directory=tmp_path, spool_limit=20_000, queue_size=100, exit_timeout=0.2)
    logger = new_logger(handler)
    for number in range(300):
        logger.info("%d", number)
        if number % 50 == 0:
            handler.flush(0.2)
    handler.close()
    statistics = handler.statistics
    assert statistics.spooled > 0
    assert statistics.dropped > 0
    assert statistics.spooled + statistics.dropped == 300
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.jsonl")) <= 20_000


def test_an_unusable_spool_directory_is_reported_and_memory_is_used(intake, new_handler, new_logger, tmp_path, capfd):
    (tmp_path / "file").write_text("in the way")
    intake.replies.append(Reply(503))
    handler = new_handler(spool_directory=tmp_path / "file")
    new_logger(handler).error("still here")
    assert intake.wait_for_messages(1) == ["still here"]
    handler.close()
    assert "the spool cannot be" in capfd.readouterr().err


@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_a_full_disk_leaves_no_torn_line(tmp_path, monkeypatch, failing):
    lane = claim_lane(tmp_path, LIMIT)
    lane.append([event(1)])

    def fail(*arguments: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(spool.os, failing, fail)
        with pytest.raises(OSError):
            lane.append([event(2)])
    lane.append([event(3)])
    assert drain(lane) == [event(1), event(3)]


def test_a_full_disk_under_the_position_does_not_hold_the_replay_up(tmp_path, monkeypatch):
    lane = claim_lane(tmp_path, LIMIT)
    lane.append([event(number) for number in range(5)])

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.Path, "write_text", fail)
    assert drain(lane, 2) == [event(number) for number in range(5)]


def test_a_file_system_without_locks_is_an_error_and_not_an_endless_search(tmp_path, monkeypatch):
    def fail(*arguments: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(file_lock, "_try_lock", fail)
    for _ in range(2):
        with pytest.raises(OSError, match="No locks"):
            claim_lane(tmp_path, LIMIT)
    assert list(tmp_path.iterdir()) == []


def test_a_strangers_file_is_no_segment(tmp_path):
    lane = claim_lane(tmp_path, LIMIT)
    lane.append([event(1)])
    lane.close()
    (lane.directory / "notes.jsonl").write_text("not ours")
    assert drain(adopt_lane(tmp_path, LIMIT)) == [event(1)]
    assert adopt_lane(tmp_path, LIMIT) is None


def test_a_spool_that_somebody_removes_costs_what_is_in_it_and_no_more(
    intake, new_handler, new_logger, tmp_path, capfd
):
    intake.stop()
    handler = new_handler(spool_directory=tmp_path / "spool")
    logger = new_logger(handler)
    logger.error("on the disk")
    assert handler.flush(PATIENCE)
    shutil.rmtree(tmp_path / "spool")
    intake.start()
    logger.error("after")
    assert intake.wait_for_messages(1) == ["after"]
    handler.close()
    assert "of the spool was removed" in capfd.readouterr().err
