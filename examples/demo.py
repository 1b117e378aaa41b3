"""``script/demo``: two real services, one of which is then broken, until the incident is resolved and on record.

Everything is done as a user would: over HTTP, through the API, with the keys and roles that the product hands out.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from examples.client import Api, ApiError
from examples.receiver import Receiver
from examples.steps import PATIENCE_SECONDS, DemoFailed, Steps, wait_for

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_STATE = ROOT / ".state" / "demo"
START_SECONDS = 180
# From the sixth error's arrival to the incident: the aim, and what is no longer an event but a poll.
AIM_SECONDS, BOUND_SECONDS = 0.5, 5.0


def moment(text: str) -> float:
    """An API time as seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


class Demo:
    """One run of the demo; ``close()`` ends every process that it started."""

    def __init__(self, state: Path, port: int) -> None:
        self.state, self.port = state, port
        self.steps = Steps()
        self.processes: list[subprocess.Popen[Any]] = []
        self.receiver = Receiver()
        self.stop_traffic = threading.Event()
        self.pause_between_orders = 0.05
        self.placed = 0
        self.owner = self.engineer = Api("")
        self.base_url = ""
        self.credentials: dict[str, str] = {}

    # ---- The product, the people, the services ---------------------------------------------------------------------

    def start_product(self) -> None:
        self.steps.say("starting Incident Center", f"state in {self.state}")
        command = [sys.executable, "-m", "incident_center.supervisor", "start"]
        process = subprocess.Popen(
            [*command, "--port", str(self.port), "--state", str(self.state)],
            cwd=ROOT,
            env={**os.environ, "EGRESS_ALLOW_PRIVATE": "1"},
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,  # Ctrl-C is for the demo, which stops its processes in order.
        )
        self.processes.append(process)
        watchdog = threading.Timer(START_SECONDS, process.kill)
        watchdog.start()
        assert process.stdout is not None
        for line in process.stdout:
            self.steps.note(line.rstrip())
            if line.startswith("ready "):
                self.base_url = line.split()[1]
                break
        watchdog.cancel()
        if not self.base_url:
            raise DemoFailed("Incident Center did not start; its words are above")
        threading.Thread(target=self._pass_on, args=(process.stdout,), daemon=True).start()
        self.steps.say(f"Incident Center is ready on {self.base_url}")

    def _pass_on(self, lines: IO[str]) -> None:
        for line in lines:
            self.steps.note(line.rstrip())

    def sign_in(self) -> None:
        self.owner, self.engineer = Api(self.base_url), Api(self.base_url)
        kept = self.state / "demo.json"
        if kept.exists():
            self.credentials = json.loads(kept.read_text())
            try:
                for api, who in ((self.owner, "owner"), (self.engineer, "engineer")):
                    person = {"email": self.credentials[who], "password": self.credentials["password"]}
                    api.token = api.call("POST", "/v1/auth/login", person)["access"]
            except ApiError as error:
                raise DemoFailed(
                    f"{error}\n{kept} does not fit this installation any more: try --state elsewhere"
                ) from error
            self.steps.say("signed in to the demo organization of before")
            return
        password = f"demo-{secrets.token_urlsafe(9)}"
        owner = {"email": "owner@demo.example", "password": password, "name": "Olivia Owner"}
        engineer = {"email": "engineer@demo.example", "password": password, "name": "Emil Engineer"}
        founded = self.owner.call("POST", "/v1/auth/register", {**owner, "organization_name": "Demo Shop"})
        self.owner.token = founded["access"]
        self.steps.say("Olivia founded the organization Demo Shop")
        code = self.owner.call("POST", "/v1/organization/join-code", {"role": "engineer"})["code"]
        joined = self.engineer.call("POST", "/v1/auth/register", {**engineer, "join_code": code})
        self.engineer.token = joined["access"]
        self.steps.say(f"Emil joined with the code {code}")
        self.credentials = {"owner": owner["email"], "engineer": engineer["email"], "password": password}
        descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(self.credentials, file)

    def prepare_channel(self) -> None:
        self.receiver.start()
        for earlier in self.owner.results("/v1/channels?page_size=200"):  # Nobody listens there any more.
            self.owner.call("DELETE", f"/v1/channels/{earlier['id']}")
        name = f"demo webhook {secrets.token_hex(3)}"
        channel = self.owner.call("POST", "/v1/channels", {"name": name, "kind": "webhook", "url": self.receiver.url})
        self.receiver.secret = channel["secret"]
        self.steps.say("a signed webhook channel leads to the demo's own receiver", self.receiver.url)

    def start_services(self) -> None:
        existing = {service["name"]: service for service in self.owner.results("/v1/services?page_size=200")}
        ports = {name: _free_port() for name in ("payments", "checkout")}
        self.keys = {}
        for name in ports:
            service = existing.get(name) or self.owner.call("POST", "/v1/services", {"name": name})
            key = self.owner.call("POST", f"/v1/services/{service['id']}/keys", {"name": "demo"})
            self.keys[name] = key["key"]
        self.ports = ports
        self.start_payments()
        self._start_service("checkout", "--payments", f"http://127.0.0.1:{ports['payments']}")
        self._wait_until_listening("checkout")
        threading.Thread(target=self._traffic, daemon=True).start()
        self.steps.say("payments and checkout run, and customers order")
        trace = self.logs_from("payments", "INFO")["trace_id"]

        def whole_trace() -> list[dict[str, Any]] | None:
            found = self.owner.results(f"/v1/logs?trace_id={trace}")
            return found if {log["service"] for log in found} == {"payments", "checkout"} else None

        logs = wait_for("one trace over both services", whole_trace)
        lines = "\n".join(f"{log['service']:8} {log['message']}" for log in reversed(logs))
        self.steps.say(f"their logs arrive; trace {trace} has both", lines)

    def start_payments(self) -> None:
        self.payments = self._start_service("payments")
        self._wait_until_listening("payments")

    def _start_service(self, name: str, *options: str) -> subprocess.Popen[Any]:
        command = [sys.executable, "-m", f"examples.{name}", "--port", str(self.ports[name])]
        process = subprocess.Popen(
            [*command, "--incident-center", self.base_url, *options],
            cwd=ROOT,
            env={**os.environ, "INCIDENT_CENTER_KEY": self.keys[name]},
            stdout=subprocess.DEVNULL,
            process_group=0,
        )
        self.processes.append(process)
        return process

    def _wait_until_listening(self, name: str) -> None:
        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.ports[name])) == 0

        wait_for(f"the {name} service", listens)

    def _traffic(self) -> None:
        """One customer after the other."""
        order = int(time.time()) % 100_000 * 100
        while not self.stop_traffic.wait(self.pause_between_orders):
            order += 1
            request = urllib.request.Request(f"http://127.0.0.1:{self.ports['checkout']}/orders/{order}", b"{}")
            try:
                with urllib.request.urlopen(request, timeout=5):
                    self.placed += 1
            except OSError:
                continue  # An order that fails is the story.

    def logs_from(self, service: str, level: str) -> dict[str, Any]:
        return wait_for(  # type: ignore[no-any-return]
            f"{level} logs of {service}",
            lambda: next(iter(self.owner.results(f"/v1/logs?service={service}&level={level}&page_size=1")), None),
        )

    # ---- The incident ----------------------------------------------------------------------------------------------

    def resolve_leftovers(self) -> None:
        """What an interrupted run left open would take this run's errors in."""
        for status in ("open", "investigating", "mitigated"):
            for incident in self.owner.results(f"/v1/incidents?status={status}&service=checkout"):
                body = {"status": "resolved", "reason": "left over from an earlier demo"}
                self.owner.call("PATCH", f"/v1/incidents/{incident['id']}/status", body)

    def break_payments(self) -> dict[str, Any]:
        before = {incident["id"] for incident in self.owner.results("/v1/incidents?page_size=200")}
        broken_at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        self.payments.send_signal(signal.SIGTERM)
        self.payments.wait(10)
        self.steps.say("payments has stopped; checkout fails from now on")

        def opened() -> dict[str, Any] | None:
            found = self.owner.results("/v1/incidents?status=open")
            return next((incident for incident in found if incident["id"] not in before), None)

        incident: dict[str, Any] = wait_for("the incident to open", opened)
        linked = self.owner.results(f"/v1/incidents/{incident['id']}/logs")
        errors = self.owner.results(f"/v1/logs?service=checkout&level=ERROR&from={broken_at}&page_size=1000")
        received = sorted(moment(log["received_at"]) for log in errors)
        if len(received) < 6 or len(linked) < 6:
            raise DemoFailed(f"{len(received)} errors are stored and {len(linked)} linked; six open an incident")
        delay = moment(incident["opened_at"]) - received[5]
        if delay > BOUND_SECONDS:
            raise DemoFailed(f"the incident opened {delay:.3f} s after the sixth error arrived: not by an event")
        error = errors[0]
        if not error["trace_id"] or "stacktrace" not in error["metadata"].get("exception", {}):
            raise DemoFailed(f"the error came without its trace or exception: {error}")
        self.steps.say(
            f"INC-{_number(incident)} opened {delay:.3f} s after the sixth error arrived",
            f"{incident['severity']}: {incident['title']}, with {len(linked)} of its logs"
            f"\n{error['message']}: {error['metadata']['exception']['message']}",
        )
        message = self.receiver.wait_for("opened", PATIENCE_SECONDS)
        if message is None or not message.genuine:
            raise DemoFailed("the webhook did not arrive" if message is None else "the webhook's signature is wrong")
        self.steps.say(
            f"the webhook arrived {message.at - received[5]:.3f} s after the sixth error, its signature holds",
            f"webhook-id {message.message_id}",
        )
        inbox = wait_for("Emil's inbox", lambda: self.engineer.results("/v1/notifications"))
        self.steps.say("Emil's inbox says", inbox[0]["title"])
        if delay > AIM_SECONDS:
            self.steps.note(f"{delay:.3f} s is over the aim of {AIM_SECONDS} s; this machine is busy")
        return incident

    def work(self, incident: dict[str, Any]) -> None:
        path = f"/v1/incidents/{incident['id']}"
        taken = self.engineer.call("POST", f"{path}/acknowledge", {})
        if taken["status"] != "investigating":
            raise DemoFailed(f"after the acknowledgement the status is {taken['status']}")
        self.steps.say("Emil acknowledged it")
        note = "`payments` does not answer; the process is gone. Starting it again."
        self.engineer.call("POST", f"{path}/notes", {"body": note})
        self.start_payments()
        placed = self.placed
        wait_for("orders to go through again", lambda: self.placed > placed + 3)
        self.steps.say("Emil wrote a note and started payments again; orders go through")
        self.engineer.call("PATCH", f"{path}/status", {"status": "mitigated"})
        self.engineer.call("PATCH", f"{path}/status", {"status": "resolved"})
        self.steps.say("mitigated, then resolved")
        try:
            self.engineer.call("PATCH", f"{path}/status", {"status": "mitigated"})
        except ApiError as error:
            if error.status != 409:
                raise
            self.steps.say("a step that the lifecycle does not have is refused", str(error))
        else:
            raise DemoFailed("resolved → mitigated was not refused")

    def show_record(self, incident: dict[str, Any]) -> None:
        path = f"/v1/incidents/{incident['id']}"
        events = self.engineer.results(f"{path}/events?page_size=200")
        kinds = {event["kind"] for event in events}
        if missing := {"opened", "acknowledged", "note", "status_changed"} - kinds:
            raise DemoFailed(f"the timeline has no {', '.join(sorted(missing))}")
        self.steps.say(f"the timeline holds {len(events)} events", ", ".join(sorted(kinds)))
        resolved = self.receiver.wait_for("resolved", PATIENCE_SECONDS)
        if resolved is None:
            raise DemoFailed("the webhook about the resolution did not arrive")

        def all_delivered() -> list[dict[str, Any]] | None:
            found = self.owner.results(f"/v1/deliveries?incident={incident['id']}")
            return found if found and all(one["state"] == "delivered" for one in found) else None

        deliveries = wait_for("the deliveries", all_delivered)
        self.steps.say(f"{len(deliveries)} webhooks were delivered, each attempt on record")
        entries = self.owner.results("/v1/audit?page_size=200")
        about = [
            entry
            for entry in entries
            if entry["table"] == "incidents_incident" and entry["object"] in (incident["id"], _number(incident))
        ]
        if not about:
            raise DemoFailed("the audit log says nothing about the incident")
        sentences = "\n".join(entry["message"] for entry in reversed(about[:8]))
        self.steps.say("the database wrote the record", sentences)

    def run(self) -> None:
        self.start_product()
        self.sign_in()
        self.prepare_channel()
        self.resolve_leftovers()
        self.start_services()
        incident = self.break_payments()
        self.work(incident)
        self.show_record(incident)
        self.pause_between_orders = 1.0

    def run_on(self) -> None:
        """Returns when Incident Center ends, which it does not by itself."""
        self.processes[0].wait()
        raise DemoFailed("Incident Center has ended; its words are above")

    def close(self) -> None:
        self.stop_traffic.set()
        # The services first: they send their last logs.
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


def _number(incident: dict[str, Any]) -> str:
    return str(incident["number"]).removeprefix("INC-")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/demo", description="Shows an incident from first error to record.")
    parser.add_argument("--check", action="store_true", help="end with 0 or 1 instead of running on")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE)
    options = parser.parse_args()
    options.state.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    demo = Demo(options.state.resolve(), options.port)
    try:
        demo.run()
        if options.check:
            print("\nEvery step came true.", flush=True)
            return 0
        print(
            f"\n{demo.base_url}   sign in as {demo.credentials['owner']} or {demo.credentials['engineer']}"
            f"\npassword {demo.credentials['password']}"
            "\n\nThe shop goes on running. Ctrl-C stops everything.",
            flush=True,
        )
        demo.run_on()
    except (DemoFailed, ApiError, OSError, LookupError) as error:
        what = f"{type(error).__name__}: {error}" if isinstance(error, LookupError) else str(error)
        print(f"\nThe demo failed after “{demo.steps.last}”:\n{what}", file=sys.stderr)
        print(f"The servers' own words: {options.state / 'logs'} (web.log, worker.log)", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print("\nstopping", flush=True)
    finally:
        demo.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
