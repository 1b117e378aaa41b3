"""Finding logs among five million of twenty services and two days: twelve questions of people who look for something.

Asked through the whole WSGI application as the runtime role, on a warm cache. Beside it the usual Django way (the ORM
on the same table, newest first, ``icontains``, OFFSET, Trunc and Count), and the limit: the same request for a service
that does not exist, which is all that is not searching.
"""

from __future__ import annotations

import io
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.harness import ROOT, start_installation, write_results
from benchmarks.search_corpus import COMMON_WORD, RARE_PHRASE, SERVICES, SMALL_SERVICE, USER, Corpus, load

LOGS = 5_000_000
ROUNDS = 40
NAIVE_ROUNDS = 2
NAIVE_TIMEOUT_SECONDS = 30
AIM_MS = 60
DEPTH = 500_000

Ask = Callable[[str, dict[str, str]], Any]


@dataclass(frozen=True, slots=True)
class Question:
    """The API's address for it, and the usual way to ask it."""

    name: str
    path: str
    parameters: dict[str, str]
    naive: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """How long it took, in milliseconds; ``found`` logs, or logs counted.

    The processor's time, of this process and of PostgreSQL's, is what the rest would be on an idle machine.
    """

    question: str
    p50_ms: float
    p95_ms: float
    processor_ms: float
    naive_ms: float | None
    found: int


def questions(corpus: Corpus) -> list[Question]:
    """The twelve of them."""
    from django.db.models import Count
    from django.db.models.functions import TruncMinute

    from ingestion.levels import Level
    from ingestion.models import LogEntry

    until = corpus.until
    hour, day = until - timedelta(hours=1), until - timedelta(days=1)
    ids = dict(zip(SERVICES, corpus.service_ids, strict=True))
    logs = LogEntry.objects.order_by("-timestamp")
    in_day = logs.filter(timestamp__gte=day, timestamp__lt=until)

    def newest(found: Any) -> Callable[[], Any]:
        return lambda: list(found[:50])

    def counted(found: Any) -> Callable[[], Any]:
        return lambda: list(
            found.order_by().annotate(minute=TruncMinute("timestamp")).values("minute", "level").annotate(Count("hash"))
        )

    page = {"page_size": "50"}
    last_day = {"from": day.isoformat(), "to": until.isoformat()}
    deep = (corpus.until - DEPTH * (corpus.until - corpus.since) / corpus.logs).isoformat()
    metadata_one, metadata_two = {"metadata.host": "web-17"}, {"metadata.user": str(USER), "metadata.region": "eu-1"}
    user = f"user-{USER}"
    return [
        Question(
            "service + hour + ERROR, newest 50", "/v1/logs",
            {"service": "payments", "level": "ERROR", "from": hour.isoformat(), "to": until.isoformat(), **page},
            newest(in_day.filter(service_id=ids["payments"], level=Level.ERROR, timestamp__gte=hour)),
        ),
        Question(
            "small service + 24 h + FATAL", "/v1/logs",
            {"service": SMALL_SERVICE, "level": "FATAL", **last_day, **page},
            newest(in_day.filter(service_id=ids[SMALL_SERVICE], level=Level.FATAL)),
        ),
        Question("all services, newest 50", "/v1/logs", page, newest(logs)),
        Question("page at depth 500,000", "/v1/logs", {"to": deep, **page}, lambda: list(logs[DEPTH : DEPTH + 50])),
        Question(
            "rare phrase, 24 h", "/v1/logs", {"q": f'"{RARE_PHRASE}"', **last_day, **page},
            newest(in_day.filter(message__icontains=RARE_PHRASE)),
        ),
        Question(
            "common word in one service", "/v1/logs", {"service": "orders", "q": COMMON_WORD, **page},
            newest(logs.filter(service_id=ids["orders"], message__icontains=COMMON_WORD)),
        ),
        Question("one user's id", "/v1/logs", {"q": user, **page}, newest(logs.filter(message__icontains=user))),
        Question(
            "metadata, one key", "/v1/logs", {**metadata_one, **page}, newest(logs.filter(metadata__host="web-17"))
        ),
        Question(
            "metadata, two keys", "/v1/logs", {**metadata_two, **page},
            newest(logs.filter(metadata__user=USER, metadata__region="eu-1")),
        ),
        Question(
            "trace id", "/v1/logs", {"trace_id": corpus.trace_id, **page}, newest(logs.filter(trace_id=corpus.trace_id))
        ),
        Question(
            "histogram 24 h, one service by level", "/v1/logs/histogram", {"service": "payments", **last_day},
            counted(in_day.filter(service_id=ids["payments"])),
        ),
        Question("histogram 24 h, all services", "/v1/logs/histogram", last_day, counted(in_day)),
    ]  # fmt: skip


def asker(access_token: str) -> Ask:
    """Calls the WSGI application; gives the decoded answer."""
    from incident_center.wsgi import application

    def ask(path: str, parameters: dict[str, str]) -> Any:
        environment = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "SCRIPT_NAME": "",
            "QUERY_STRING": urlencode(parameters),
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost",
            "HTTP_AUTHORIZATION": f"Bearer {access_token}",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
            "wsgi.version": (1, 0),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        status: list[str] = []

        def start_response(line: str, headers: Any, error: Any = None) -> Callable[[bytes], object]:
            status.append(line)
            return io.BytesIO().write

        answer: Any = application(environment, start_response)
        content = b"".join(answer)
        answer.close()
        if not status[0].startswith("200"):
            raise AssertionError(f"{path}: {status[0]} {content[:500]!r}")
        return json.loads(content)

    return ask


def prepare() -> None:
    """What the workers have done in a running installation: counted by minute, indexed what is over."""
    for code in (
        "from ingestion.sweeps import minute_counter; minute_counter.run()",
        "from ingestion.tasks import index_logs; index_logs()",
    ):
        subprocess.run(
            [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", code],
            cwd=ROOT,
            env={**os.environ, "DATABASE_AS": "owner"},
            check=True,
        )


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return (time.perf_counter() - began) * 1_000, result


def backend_seconds() -> float:
    """The processor time that this thread's database connection has used on the server, which is on this machine."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        statistics_line = Path(f"/proc/{cursor.fetchone()[0]}/stat").read_text()
    user, system = statistics_line.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def naive_time(question: Question, organization_id: int) -> float | None:
    """The better of few rounds; None where it takes longer than the time limit."""
    from django.db import OperationalError, connection

    from incident_center.kernel.scope import organization_scope

    with organization_scope(organization_id, actor=None), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, false)", [f"{NAIVE_TIMEOUT_SECONDS}s"])
        try:
            return min(timed(question.naive)[0] for _ in range(NAIVE_ROUNDS))
        except OperationalError:
            return None
        finally:
            cursor.execute("SELECT set_config('statement_timeout', '0', false)")


def run(corpus: Corpus, user: Any, *, with_naive: bool = True) -> None:
    """Asks everything in the name of a person, prints the table, writes the results."""
    from organizations.tokens import issue_tokens

    ask = asker(issue_tokens(user).access)
    nothing = {"service": "no such service", "page_size": "50"}
    limit = statistics.median(timed(lambda: ask("/v1/logs", nothing))[0] for _ in range(ROUNDS))
    print(f"{'':38}{'p50 ms':>9}{'p95 ms':>9}{'cpu ms':>9}{'naive ms':>10}{'times':>8}{'found':>10}", flush=True)
    answers = []
    for question in questions(corpus):
        answers.append(answer_of(question, asker(issue_tokens(user).access), corpus.organization_id, with_naive))
        print(_line(answers[-1]), flush=True)
    print(f"{'limit: the request without a search':38}{limit:>9.1f}", flush=True)
    missed = [answer.question for answer in answers if answer.p95_ms >= AIM_MS]
    print(
        f"p95 under {AIM_MS} ms: {len(answers) - len(missed)} of {len(answers)}; missed: {', '.join(missed) or 'none'}"
    )
    print(f"\nwritten to {write_results('search', answers, [{'logs': corpus.logs, 'limit_ms': round(limit, 2)}])}")


def answer_of(question: Question, ask: Ask, organization_id: int, with_naive: bool) -> Answer:
    """Asks it once to warm up, then often."""
    result = ask(question.path, question.parameters)
    processor = time.process_time() + backend_seconds()
    times = [timed(lambda: ask(question.path, question.parameters))[0] for _ in range(ROUNDS)]
    processor = time.process_time() + backend_seconds() - processor
    return Answer(
        question=question.name,
        p50_ms=statistics.median(times),
        p95_ms=sorted(times)[int(ROUNDS * 0.95)],
        processor_ms=processor / ROUNDS * 1_000,
        naive_ms=naive_time(question, organization_id) if with_naive else None,
        found=_found(result),
    )


def _found(answer: Any) -> int:
    return len(answer["results"]) if isinstance(answer, dict) else sum(bucket["count"] for bucket in answer)


def _line(answer: Answer) -> str:
    naive = f"{answer.naive_ms:,.0f}" if answer.naive_ms is not None else f"> {NAIVE_TIMEOUT_SECONDS} s"
    times = f"{answer.naive_ms / answer.p50_ms:,.0f}" if answer.naive_ms is not None else ""
    took = f"{answer.p50_ms:>9.1f}{answer.p95_ms:>9.1f}{answer.processor_ms:>9.1f}"
    return f"{answer.question:38}{took}{naive:>10}{times:>8}{answer.found:>10,}"


def main() -> None:
    start_installation("benchmarks.settings")
    from organizations.access import Role
    from tests.factories import make_world

    world = make_world("Benchmark")
    ids = [world.service(name).pk for name in SERVICES]
    took, corpus = timed(lambda: load(world.organization.pk, ids, LOGS))
    print(f"{corpus.logs:,} logs loaded in {took / 1_000:.0f} s", flush=True)
    took, _ = timed(prepare)
    print(f"counted and indexed in {took / 1_000:.0f} s\n", flush=True)
    run(corpus, world.members[Role.ENGINEER].user)


if __name__ == "__main__":
    main()
