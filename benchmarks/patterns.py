"""How well and how fast templates are mined: grouping accuracy over labelled logs, messages a second.

The corpus is made here from messages of real programs (OpenSSH, HDFS, ZooKeeper, Apache, Linux, PostgreSQL, nginx,
Spring, Kubernetes, Python), filled with values that vary as theirs do, so that each line's true template is known.
Grouping accuracy is that of the Loghub papers: the share of lines whose group holds exactly the lines of its template.
Where drain3 is installed it mines the same lines, with its defaults and with our masks.
"""

from __future__ import annotations

import importlib.util
import random
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from itertools import count
from uuid import UUID

LINES = 60_000
_random = random.Random(7)

TEMPLATES = """\
Failed password for invalid user {user} from {ip} port {port} ssh2
Failed password for {user} from {ip} port {port} ssh2
Accepted publickey for {user} from {ip} port {port} ssh2: RSA SHA256:{hash}
Invalid user {user} from {ip}
Connection closed by {ip} [preauth]
Connection reset by {ip} port {port}
Received disconnect from {ip}: 11: Bye Bye [preauth]
pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={ip}
pam_unix(sshd:session): session opened for user {user} by (uid=0)
pam_unix(sshd:session): session closed for user {user}
reverse mapping checking getaddrinfo for {host} [{ip}] failed - POSSIBLE BREAK-IN ATTEMPT!
Receiving block blk_{number} src: /{ip}:{port} dest: /{ip}:{port}
PacketResponder {digit} for block blk_{number} terminating
BLOCK* NameSystem.addStoredBlock: blockMap updated: {ip}:{port} is added to blk_{number} size {number}
Received block blk_{number} of size {number} from /{ip}
Deleting block blk_{number} file /mnt/hadoop/dfs/data/current/subdir{digit}/blk_{number}
Verification succeeded for blk_{number}
Received connection request /{ip}:{port}
Notification time out: {number}
Accepted socket connection from /{ip}:{port}
Closed socket connection for client /{ip}:{port} which had sessionid 0x{hash}
Expiring session 0x{hash}, timeout of {number}ms exceeded
Established session 0x{hash} with negotiated timeout {number} for client /{ip}:{port}
jk2_init() Found child {number} in scoreboard slot {digit}
workerEnv.init() ok /etc/httpd/conf/workers2.properties
mod_jk child workerEnv in error state {digit}
[client {ip}] Directory index forbidden by rule: /var/www/html/
Out of Memory: Killed process {number} ({program}).
CPU {digit}: Machine Check Exception: {number}
audit({number}.{number}:{digit}): initialized
usb {digit}-{digit}: new high speed USB device using address {number}
connection authorized: user={user} database={database}
could not receive data from client: Connection reset by peer
duration: {number}.{number} ms  statement: SELECT * FROM {database}_items WHERE id = {number}
duplicate key value violates unique constraint "{database}_pkey"
checkpoint complete: wrote {number} buffers ({digit}.{digit}%); 0 WAL file(s) added, {digit} removed, {digit} recycled
{ip} - - "GET /api/v1/orders/{number} HTTP/1.1" 200 {number}
{ip} - - "POST /api/v1/payments HTTP/1.1" 502 {number}
upstream timed out (110: Connection timed out) while reading response header from upstream, client: {ip}
Started Application in {number}.{number} seconds (JVM running for {number}.{number})
Tomcat started on port(s): {port} (http) with context path ''
HikariPool-1 - Connection is not available, request timed out after {number}ms.
Servlet.service() for servlet [dispatcherServlet] threw exception
Successfully assigned default/{program}-{hash} to node-{digit}
Back-off restarting failed container {program} in pod {program}-{hash}
Readiness probe failed: HTTP probe failed with statuscode: {number}
Pulling image "registry.example.com/{program}:{digit}.{digit}.{number}"
Scaled up replica set {program}-{hash} to {digit}
Worker (pid:{number}) exited with code {digit}
Task {program}.tasks.send_mail[{uuid}] succeeded in {digit}.{number}s: None
Task {program}.tasks.send_mail[{uuid}] raised unexpected: TimeoutError()
Retry in {number}s: HTTPConnectionPool(host='{host}', port={port}): Max retries exceeded
payment {uuid} of customer {number} refused: insufficient funds
payment {uuid} of customer {number} accepted after {number} ms
order {number} shipped to {email}
cache miss for key user:{number}:profile
cache evicted {number} entries in {number} ms
deadlock detected: process {number} waits for ShareLock on transaction {number}; blocked by process {number}
User {user} logged in from {ip}
User {user} logged out after {number} minutes
""".splitlines()

_USERS = [f"{first}{last}" for first in ("al", "bo", "ma", "jo", "ti", "su", "ka") for last in ("ice", "b", "ry", "hn")]
_WORDS = ["checkout", "payments", "search", "mailer", "gateway", "ledger", "billing", "catalog"]
_VALUES: dict[str, Callable[[], object]] = {
    "user": lambda: _random.choice(_USERS),
    "program": lambda: _random.choice(_WORDS),
    "database": lambda: _random.choice(_WORDS),
    "host": lambda: f"{_random.choice(_WORDS)}.{_random.choice(_WORDS)}.example.com",
    "email": lambda: f"{_random.choice(_USERS)}@example.com",
    "ip": lambda: ".".join(str(_random.randrange(1, 255)) for _ in range(4)),
    "port": lambda: _random.randrange(1_024, 65_000),
    "number": lambda: _random.randrange(10, 10**9),
    "digit": lambda: _random.randrange(10),
    "hash": lambda: f"{_random.getrandbits(60) | 1 << 59:x}",
    "uuid": lambda: UUID(int=_random.getrandbits(128)),
}


def corpus(lines: int) -> list[tuple[int, str]]:
    """Lines with the number of their true template; some templates come a thousand times as often as others."""
    weights = [1 / (place + 1) for place in range(len(TEMPLATES))]
    order = _random.sample(range(len(TEMPLATES)), len(TEMPLATES))
    found = []
    for place in _random.choices(range(len(TEMPLATES)), weights, k=lines):
        number = order[place]
        found.append((number, _filled(TEMPLATES[number])))
    return found


def _filled(template: str) -> str:
    parts = []
    for part in template.split("{"):
        name, brace, rest = part.partition("}")
        parts.append(f"{_VALUES[name]()}{rest}" if brace and name in _VALUES else part)
    return "".join(parts)


def grouping_accuracy(truth: Sequence[int], found: Sequence[Hashable]) -> float:
    true_groups: dict[int, set[int]] = defaultdict(set)
    found_groups: dict[Hashable, set[int]] = defaultdict(set)
    for line, (number, group) in enumerate(zip(truth, found, strict=True)):
        true_groups[number].add(line)
        found_groups[group].add(line)
    right = sum(len(lines) for lines in found_groups.values() if true_groups[truth[next(iter(lines))]] == lines)
    return right / len(truth)


def _ours(lines: Sequence[str]) -> list[Hashable]:
    from ingestion.patterns.miner import PatternMiner

    numbers = count(1)
    miner = PatternMiner(lambda: next(numbers))
    return [miner.assign(line).id for line in lines]


def _drain3(lines: Sequence[str], *, masked: bool) -> list[Hashable]:
    from drain3 import TemplateMiner

    from ingestion.patterns.masking import mask

    miner = TemplateMiner()
    return [miner.add_log_message(mask(line) if masked else line)["cluster_id"] for line in lines]


def main() -> None:
    labelled = corpus(LINES)
    truth, lines = [number for number, _ in labelled], [line for _, line in labelled]
    ways: dict[str, Callable[[], list[Hashable]]] = {"incident center": lambda: _ours(lines)}
    if importlib.util.find_spec("drain3"):
        ways["drain3, defaults"] = lambda: _drain3(lines, masked=False)
        ways["drain3, our masks"] = lambda: _drain3(lines, masked=True)
    for name, way in ways.items():
        began = time.perf_counter()
        found = way()
        elapsed = time.perf_counter() - began
        print(
            f"{name:18} grouping accuracy {grouping_accuracy(truth, found):.3f}, {len(set(found)):>4} groups for"
            f" {len(set(truth))} templates, {len(lines) / elapsed:>9,.0f} messages/s"
        )


if __name__ == "__main__":
    main()
