"""What happens to records when processes fork, end, or are killed. Real processes throughout."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from . import SDK_SOURCE
from .conftest import PATIENCE, Reply

PREAMBLE = """
import logging, os, sys
from incident_center_client import Backoff, IncidentCenterHandler
handler = IncidentCenterHandler(
    flush_interval=0.02, exit_timeout=5, spool_directory=os.environ.get("SPOOL"), backoff=Backoff(0.01, 0.02)
)
logger = logging.getLogger("shop")
logger.setLevel(logging.DEBUG)
logger.addHandler(handler)
"""


@pytest.fixture
def start(intake):
    processes: list[subprocess.Popen[str]] = []

    def start(code: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + textwrap.dedent(code)],
            env={
                **os.environ,
                "PYTHONPATH": str(SDK_SOURCE),
                "INCIDENT_CENTER_URL": intake.url,
                "INCIDENT_CENTER_KEY": "ick_test",
                **environment,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    return output, errors


def test_records_of_the_last_moment_are_sent_at_exit(intake, start):
    process = start("""
        handler._sender._queue._longest_wait = 3600
        for number in range(1000):
            logger.info("%d", number)
    """)
    _, errors = finish(process)
    assert intake.messages == [str(number) for number in range(1000)]
    assert errors == ""


def test_an_exception_that_ends_the_process_is_sent(intake, start):
    process = start("""
        def hook(kind, value, trace):
            logger.critical("uncaught", exc_info=(kind, value, trace))
        sys.excepthook = hook
        raise RuntimeError("the end")
    """)
    process.communicate(timeout=30)
    assert process.returncode == 1
    assert intake.accepted[0]["metadata"]["exception"]["message"] == "the end"


def test_exit_without_a_server_is_quick_and_says_what_was_lost(intake, start):
    intake.stop()
    process = start('logger.error("lost")')
    _, errors = finish(process)
    assert "1 log records dropped: ConnectionRefusedError" in errors


def test_a_forked_child_sends_its_own_records_and_none_of_its_parents(intake, start):
    process = start("""
        for number in range(50):
            logger.info("parent %d", number)
        child = os.fork()
        if child == 0:
            for number in range(50):
                logger.info("child %d", number)
            logging.shutdown()
            assert handler.statistics.sent == 50, handler.statistics
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status == 0
        logger.info("parent 50")
    """)
    finish(process)
    assert sorted(intake.messages) == sorted(
        [f"parent {number}" for number in range(51)] + [f"child {number}" for number in range(50)]
    )


def test_children_of_a_preforking_server_send_when_they_end(intake, start):
    process = start("""
        import multiprocessing
        logger.info("master")
        handler.flush()
        def work(name):
            for number in range(100):
                logger.info("%d %d", name, number)
        context = multiprocessing.get_context("fork")
        workers = [context.Process(target=work, args=(name,)) for name in range(4)]
        for worker in workers: worker.start()
        for worker in workers: worker.join()
        assert [worker.exitcode for worker in workers] == [0] * 4
    """)
    _, errors = finish(process)
    assert errors == ""
    expected = ["master", *(f"{name} {number}" for name in range(4) for number in range(100))]
    assert sorted(intake.messages) == sorted(expected)


def test_forking_while_other_threads_log_never_hangs(intake, start):
    process = start("""
        import threading
        def chatter():
            while True:
                logger.info("chatter")
        for _ in range(4):
            threading.Thread(target=chatter, daemon=True).start()
        for number in range(20):
            child = os.fork()
            if child == 0:
                logger.error("child %d", number)
                if not handler.flush(10):
                    os.write(2, f"child {number}: {handler._sender.__dict__}".encode())
                    os._exit(1)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            assert status == 0, number
        os._exit(0)
    """)
    finish(process)
    children = [message for message in intake.messages if message.startswith("child")]
    assert children == [f"child {number}" for number in range(20)]


def test_a_fork_does_not_disturb_the_parents_spool(intake, start, tmp_path):
    intake.stop()
    process = start(
        """
        logger.error("parent 0")
        assert handler.flush(10)
        child = os.fork()
        if child == 0:
            logger.error("child 0")
            logging.shutdown()
            os._exit(0)
        os.waitpid(child, 0)
        logger.error("parent 1")
        assert handler.flush(10)
        """,
        SPOOL=str(tmp_path),
    )
    finish(process)
    assert len(list(tmp_path.glob("lane-*"))) == 2
    intake.start()
    finish(start('logger.info("later"); handler.flush(10)', SPOOL=str(tmp_path)))
    later = start('logger.info("later"); handler.flush(10)', SPOOL=str(tmp_path))
    finish(later)
    without_later = [message for message in intake.messages if message != "later"]
    assert sorted(without_later) == ["child 0", "parent 0", "parent 1"]
    assert without_later.index("parent 0") < without_later.index("parent 1")


def test_kill_9_loses_nothing_that_was_spooled(intake, start, tmp_path):
    intake.stop()
    process = start(
        """
        for number in range(500):
            logger.info("%d", number)
        assert handler.flush(10)
        print("spooled", flush=True)
        while True:
            logger.info("perhaps")
        """,
        SPOOL=str(tmp_path),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "spooled\n"
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)
    intake.start()
    finish(start('logger.info("restarted"); handler.flush(10)', SPOOL=str(tmp_path)))
    messages = intake.messages
    assert messages[:500] == [str(number) for number in range(500)]
    assert messages[-1] == "restarted"
    assert set(messages[500:-1]) <= {"perhaps"}
    assert list(tmp_path.iterdir()) == []


def test_kill_9_during_the_replay_repeats_at_most_what_was_in_flight(intake, start, tmp_path):
    intake.stop()
    finish(start('for number in range(2000): logger.info("%d", number)', SPOOL=str(tmp_path)))
    intake.replies.extend([Reply(), Reply(), Reply(200)])
    intake.start()
    replaying = start('logger.info("wake"); sys.stdin.read()', SPOOL=str(tmp_path))
    intake.wait_for_messages(1000)
    replaying.kill()
    replaying.wait(PATIENCE)
    finish(start('logger.info("restarted"); handler.flush(10)', SPOOL=str(tmp_path)))
    numbers = [message for message in intake.messages if message.isdecimal()]
    assert sorted(set(numbers), key=int) == [str(number) for number in range(2000)]
    assert len(numbers) <= 2500, "at most one batch is replayed twice"
    repeated = {}
    for log in intake.accepted:
        repeated.setdefault(log["message"], set()).add(log["timestamp"])
    assert all(len(repeated[number]) == 1 for number in numbers), "a repeated record keeps its time"
