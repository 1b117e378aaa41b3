"""A storm: several processes store error batches of one service and evaluate it, all at once.

``python -m tests.detection.storm`` runs the full one (8 processes, 200 batches each) on servers of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass

LOGS_IN_A_BATCH = 5


@dataclass(frozen=True)
class Storm:
    processes: int
    batches: int

    @property
    def logs(self) -> int:
        return self.processes * self.batches * LOGS_IN_A_BATCH


def run(storm: Storm, *, organization_id: int, service_id: int) -> list[dict[str, object]]:
    """Starts the processes against the database of the environment; what each of them reports."""
    command = [sys.executable, "-m", "tests.detection.storm", "--batches", str(storm.batches)]
    command += ["--organization", str(organization_id), "--service", str(service_id)]
    workers = [
        subprocess.Popen([*command, "--worker", str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(storm.processes)
    ]
    for worker in workers:  # Each says that it is ready; then all are let go together.
        assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.close()
    reports = []
    for worker in workers:
        assert worker.stdout is not None
        reports.append(json.loads(worker.stdout.read()))
        assert worker.wait(timeout=60) == 0
    return reports


def work(number: int, batches: int, organization_id: int, service_id: int) -> None:
    """One process: store a batch durably, evaluate, and so on."""
    import django

    django.setup()
    from detection.actions.evaluate_service import DETECTION, evaluate_service
    from incident_center.kernel.scope import organization_scope
    from ingestion.actions.receive_logs import ReceivedBody, Sender, receive_logs

    sender = Sender(organization_id, service_id, retention_days=30, principal=f"storm:{number}")
    opened, slowest = 0, 0.0
    print("ready", flush=True)
    sys.stdin.read()
    with organization_scope(organization_id, actor=DETECTION):
        for batch in range(batches):
            logs = [
                {"timestamp": _now(), "level": "ERROR", "message": f"refused {number}/{batch}/{index}"}
                for index in range(LOGS_IN_A_BATCH)
            ]
            receive_logs(sender=sender, received=ReceivedBody(json.dumps({"logs": logs}).encode()))
            started = time.perf_counter()
            opened += sum(result.opened for result in evaluate_service(service_id=service_id))
            slowest = max(slowest, time.perf_counter() - started)
    print(json.dumps({"opened": opened, "slowest_seconds": round(slowest, 3)}), flush=True)


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--batches", type=int, default=200)
    parser.add_argument("--organization", type=int)
    parser.add_argument("--service", type=int)
    parser.add_argument("--worker", type=int)
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "incident_center.settings")
    if arguments.worker is not None:
        work(arguments.worker, arguments.batches, arguments.organization, arguments.service)
        return
    os.environ["STORM_PROCESSES"], os.environ["STORM_BATCHES"] = str(arguments.processes), str(arguments.batches)
    sys.exit(subprocess.call([sys.executable, "-m", "pytest", "-q", "-s", "tests/detection/test_storm.py"]))


if __name__ == "__main__":
    main()
