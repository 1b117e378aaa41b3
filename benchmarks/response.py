"""How soon people are told, idle and beside a flood of logs: from an incident's opening to a local endpoint.

Worker, beat, broker, web process and PostgreSQL are the product's own, each in a process of its own. The endpoint
is a signed webhook's, which is told of each incident by itself (a Slack channel would gather a burst into one message).
An escalation's step and an SLA target of one minute follow each incident: how late they are is measured where they
arrive, delivery included.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.harness import ROOT, start_installation, write_results
from benchmarks.ingest import bodies, logs
from benchmarks.web import WebServer, database_process, start_web
from incident_center.supervisor.valkey import EmbeddedValkey

INCIDENTS = 200
PER_SECOND = 5.0
# Below the rate at which a single channel is held back.
FLOOD_BATCH, FLOOD_CONNECTIONS = 1_000, 8
FLOOD_LOGS = 200_000
# After the last one is opened: the minute of its step and its target, and what they may be late.
PATIENCE_SECONDS = 75.0
ONE_MINUTE = timedelta(minutes=1)
OPENED, PAGED, BREACHED = "incident.opened", "incident.paged", "incident.sla_breached"
TARGETS = {priority: {"response_minutes": 1, "resolution_minutes": None} for priority in ("P1", "P2", "P3", "P4")}


@dataclass(frozen=True)
class Lateness:
    """Seconds from when it was due (or opened) to when the endpoint had it. ``missing``: never arrived."""

    what: str
    count: int
    missing: int
    p50_ms: float
    p99_ms: float
    most_ms: float


class Endpoint:
    """Keeps when each message arrived first."""

    def __init__(self) -> None:
        self.arrived: dict[tuple[str, int], float] = {}
        arrived = self.arrived

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                at = time.time()
                told = json.loads(body)
                arrived.setdefault((told["type"], told["data"]["incident"]["number"]), at)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def main(incidents: int = INCIDENTS) -> None:
    folder = Path(tempfile.mkdtemp(prefix="ic-bench-valkey-"))
    folder.chmod(0o755)
    valkey = EmbeddedValkey(folder)
    valkey.start()
    atexit.register(valkey.stop)
    os.environ["EGRESS_ALLOW_PRIVATE"] = "1"
    postgres = start_installation("incident_center.settings", redis_url=valkey.url)
    from tests.factories import make_world

    world, endpoint = make_world("Benchmark", roles=()), Endpoint()
    service = world.service("checkout")
    key = world.key(service).key
    _arrange(world, endpoint.url)
    web = start_web(database_process(postgres))
    with _processes():
        _round("warm-up", world, endpoint, 3, until=20.0)
        measured = _round("idle", world, endpoint, incidents)
        stop = threading.Event()
        flood = threading.Thread(target=_flood, args=(web, key, stop))
        flood.start()
        measured += _round("flooded", world, endpoint, incidents)
        stop.set()
        flood.join()
    for one in measured:
        print(
            f"{one.what:32}{one.count:>5} arrived {one.missing:>4} missing   p50 {one.p50_ms:9.1f} ms"
            f"   p99 {one.p99_ms:9.1f} ms   most {one.most_ms:9.1f} ms"
        )
    print(f"\nwritten to {write_results('response', [], [asdict(one) for one in measured])}")


def _arrange(world: Any, url: str) -> None:
    """A channel that a route and an escalation's step lead to, and a target of one minute."""
    from incidents.actions.escalation_policies import escalation_policy_create
    from incidents.actions.sla_policies import sla_policy_create
    from notifications.actions.channels import channel_create

    with world.scope():
        events = ["opened", "sla_breached"]
        values = {"name": "Endpoint", "url": url, "events": events, "drill_every_days": 0}
        channel = channel_create(actor=world.actor, kind="webhook", values=values).channel
        steps = [{"delay_minutes": 1, "targets": [{"type": "channel", "id": str(channel.pk)}]}]
        escalation_policy_create(actor=world.actor, fields={"name": "One step", "steps": steps, "is_default": True})
        sla_policy_create(actor=world.actor, fields={"name": "One minute", "targets": TARGETS, "is_default": True})


def _round(
    what: str, world: Any, endpoint: Endpoint, incidents: int, until: float = PATIENCE_SECONDS
) -> list[Lateness]:
    """Opens incidents at an even pace, and waits for what becomes of the last."""
    from incident_center.kernel.scope import Actor
    from incidents.actions.incident_open import incident_open
    from incidents.lifecycle import Severity
    from incidents.models import EscalationStepRun, SlaClock

    opened: dict[int, datetime] = {}
    begun = time.monotonic()
    with world.scope():
        for number in range(incidents):
            time.sleep(max(0.0, begun + number / PER_SECOND - time.monotonic()))
            incident = incident_open(actor=Actor.system("benchmark"), title=f"{what} {number}", severity=Severity.LOW)
            opened[incident.incident.number] = incident.incident.opened_at
        time.sleep(until)
        clocks = SlaClock.objects.filter(incident__number__in=opened, kind=SlaClock.Kind.RESPONSE)
        breaches = {clock.incident.number: clock.started_at + ONE_MINUTE for clock in clocks.select_related("incident")}
        runs = EscalationStepRun.objects.filter(escalation__incident__number__in=opened, round=1, level=1)
        steps = {run.escalation.incident.number: run.due_at for run in runs.select_related("escalation__incident")}
    return [
        _lateness(f"{what}: opened → handed over", OPENED, opened, endpoint),
        _lateness(f"{what}: escalation step", PAGED, steps, endpoint),
        _lateness(f"{what}: SLA breach", BREACHED, breaches, endpoint),
    ]


def _lateness(what: str, kind: str, due: dict[int, datetime], endpoint: Endpoint) -> Lateness:
    late = sorted(
        (endpoint.arrived[kind, number] - at.timestamp()) * 1000
        for number, at in due.items()
        if (kind, number) in endpoint.arrived
    )
    if not late:
        return Lateness(what, 0, len(due), 0.0, 0.0, 0.0)
    return Lateness(what, len(late), len(due) - len(late), late[len(late) // 2], late[int(len(late) * 0.99)], late[-1])


def _flood(web: WebServer, key: str, stop: threading.Event) -> None:
    """Logs over and over, as fast as they are taken."""
    while not stop.is_set():
        requests = [web.request("/v1/ingest", body, key) for body in bodies(logs(FLOOD_LOGS), FLOOD_BATCH)]
        flood = web.measure("the flood", requests, batch=FLOOD_BATCH, connections=FLOOD_CONNECTIONS)
        print(f"  … beside {flood.logs_per_second:,.0f} logs/s")


@contextmanager
def _processes() -> Iterator[None]:
    """Worker and beat, as ``script/start`` runs them."""
    schedule = Path(tempfile.mkdtemp(prefix="ic-bench-beat-")) / "schedule"
    commands = [
        ["worker", "-Q", "default", "--pool=threads", "--concurrency=8"],
        ["beat", f"--schedule={schedule}", "--pidfile="],
    ]
    celery = [sys.executable, "-m", "celery", "-A", "incident_center"]
    processes = [
        subprocess.Popen([*celery, *command, "--loglevel=ERROR"], cwd=ROOT, stdout=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


if __name__ == "__main__":
    main()
