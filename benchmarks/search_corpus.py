"""Five million logs of twenty services over two days, as a company with a busy shop might write them."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate

RETENTION_DAYS = 30
SPAN = timedelta(days=2)
SERVICES = (
    "checkout", "catalog", "search", "cart", "payments", "orders", "shipping", "accounts", "sessions", "pricing",
    "inventory", "mailer", "reviews", "media", "recommendations", "invoices", "fraud", "exports", "ledger", "vault",
)  # fmt: skip
SMALL_SERVICE = "vault"
COMMON_WORD = "timeout"
RARE_PHRASE = "certificate chain of shard seven expired"
RARE_EVERY = 250_000
USERS = 20_000
USER = 4_711
ROWS_PER_TRANSACTION = 50_000

_TEMPLATES = (
    "GET /api/items/{n} answered 200 in {m} ms for user-{u}",
    "POST /api/orders answered 201 in {m} ms for user-{u}",
    "cache miss for key product:{n}, loaded in {m} ms",
    "connection pool at {m} of 200, queue {k}",
    "order {n} of user-{u} accepted, {k} positions",
    "upstream timeout after {m} ms, attempt {k}, order {n}",
    "payment {n} of user-{u} refused by the bank: insufficient funds",
    "retry {k} of job {n} in {m} ms: lock not available",
    "session of user-{u} renewed from 10.{k}.{m}.17",
    "index rebuilt: {n} documents in {m} ms, {k} segments merged",
    "slow query took {m} ms: SELECT * FROM orders WHERE customer = {n}",
    "message {n} delivered to queue mail, backlog {k}",
)
_WEIGHTS = (30, 10, 14, 8, 8, 3, 2, 3, 9, 2, 3, 8)
_LEVELS = ("20", "10", "30", "40", "50")
_LEVEL_WEIGHTS = (70.0, 20.0, 6.0, 3.95, 0.05)


@dataclass(frozen=True, slots=True)
class Corpus:
    """What was loaded, so that questions about it can be asked."""

    organization_id: int
    service_ids: list[int]
    logs: int
    since: datetime
    until: datetime
    trace_id: str


def load(organization_id: int, service_ids: list[int], logs: int) -> Corpus:
    """Copies the logs into their partitions in the order of their time, as the owner; about a minute a million."""
    import psycopg

    until = datetime.now(UTC).replace(microsecond=0)
    since = until - SPAN
    copied = 0
    trace_id = ""
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as connection:
        for day, lines in _by_day_and_transaction(organization_id, service_ids, logs, since):
            connection.execute("SELECT ingestion_create_partition(%s::smallint, %s::date)", [RETENTION_DAYS, day])
            target = f"COPY log_entry_{RETENTION_DAYS}_{day:%Y%m%d} ({_COLUMNS}) FROM STDIN"
            with connection.cursor().copy(target) as copy:  # type: ignore[arg-type]
                copy.write("".join(lines))
            copied += len(lines)
            if copied <= logs // 2:
                trace_id = lines[-1].rsplit("\t", 1)[1].strip()
    return Corpus(organization_id, service_ids, copied, since, until, trace_id)


_COLUMNS = (
    "organization_id, retention_days, service_id, timestamp, received_at, hash, level, message, metadata, trace_id"
)


def _by_day_and_transaction(
    organization_id: int, service_ids: list[int], logs: int, since: datetime
) -> Iterator[tuple[datetime, list[str]]]:
    generator = random.Random(1)
    step = SPAN / logs
    day = since
    lines: list[str] = []
    for number in range(logs):
        moment = since + number * step
        if len(lines) >= ROWS_PER_TRANSACTION or (lines and moment.date() != day.date()):
            yield day, lines
            lines = []
        day = moment
        lines.append(_line(generator, organization_id, service_ids, number, moment))
    yield day, lines


#: The largest writes about a fifth of all logs, the smallest one in two hundred.
_SERVICE_WEIGHTS = list(accumulate(1 / (rank + 1) ** 1.1 for rank in range(len(SERVICES))))
_TEMPLATE_WEIGHTS = list(accumulate(_WEIGHTS))
_CUMULATIVE_LEVELS = list(accumulate(_LEVEL_WEIGHTS))


def _line(generator: random.Random, organization_id: int, service_ids: list[int], number: int, moment: datetime) -> str:
    """One row in COPY's text format."""
    (service,) = generator.choices(service_ids, cum_weights=_SERVICE_WEIGHTS)
    (template,) = generator.choices(_TEMPLATES, cum_weights=_TEMPLATE_WEIGHTS)
    (level,) = generator.choices(_LEVELS, cum_weights=_CUMULATIVE_LEVELS)
    bits = generator.getrandbits(64)
    user, ms, few = bits % USERS, 1 + (bits >> 16) % 250, 1 + (bits >> 24) % 40
    message = template.format(n=100_000 + (bits >> 32) % 900_000, u=user, m=ms, k=few)
    if number % RARE_EVERY == RARE_EVERY // 2:
        message = f"TLS handshake failed: {RARE_PHRASE} on host-{few}"
    # A trace has eight logs, of services that happen to come one after the other.
    trace = f"{(number // 8) * 0x9E3779B97F4A7C15F39CC0605CEDC835 & (1 << 128) - 1:032x}"
    region = ("eu-1", "eu-2", "us-1")[bits % 3]
    metadata = (
        f'{{"trace_id": "{trace}", "user": {user}, "host": "web-{few}", "region": "{region}",'
        f' "http": {{"status": {(200, 200, 200, 201, 304, 404, 500)[(bits >> 8) % 7]}}}}}'
    )
    at = moment.isoformat()
    columns = (organization_id, RETENTION_DAYS, service, at, at, bits - (1 << 63), level, message, metadata, trace)
    return "\t".join(map(str, columns)) + "\n"
