"""The counts by minute behind histograms: each log once, however late, and exact while transactions are open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from ingestion.histogram import log_histogram
from ingestion.levels import Level
from ingestion.log_filters import LogFilters
from ingestion.logstore import log_store
from ingestion.logstore.port import LogQuery
from ingestion.models import LogMinute
from ingestion.search_syntax import parse_text
from ingestion.sweeps import MinuteCounter
from tests.ingestion.conftest import Shop, make_shop
from tests.ingestion.helpers import body, log, post

Connection = psycopg.Connection[Any]
START = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=2)
INSERT = (
    "INSERT INTO log_entry (organization_id, service_id, timestamp, received_at, hash, retention_days, level, message)"
    " VALUES (%s, %s, %s, now(), %s, 30, %s, 'by hand')"
)


def send(shop: Shop, *moments: datetime, level: str = "INFO") -> None:
    logs = [log(at=moment, level=level, message=f"{index} at {moment}") for index, moment in enumerate(moments)]
    assert post(shop.key, body(logs)).json()["received"] == len(moments)


def counted(shop: Shop, **conditions: Any) -> int:
    """What the histogram says, in hours, of the last day."""
    query = LogQuery((shop.service.pk,), START - timedelta(days=1), START + timedelta(hours=3), **conditions)
    with shop.world.scope():
        return sum(bucket.count for bucket in log_store().histogram(query, interval=timedelta(hours=1)))


def in_minutes(shop: Shop) -> int:
    with shop.world.scope():
        return sum(m.debug + m.info + m.warn + m.error + m.fatal for m in LogMinute.objects.all())


def test_a_log_counts_at_once_and_once(shop: Shop):
    send(shop, START, START + timedelta(seconds=30))
    assert (counted(shop), in_minutes(shop)) == (2, 0)
    assert MinuteCounter().run() == 2
    assert (counted(shop), in_minutes(shop)) == (2, 2)
    assert MinuteCounter().run() == 0
    send(shop, START, START + timedelta(seconds=31), level="ERROR")  # Late logs of a minute that is counted already.
    assert counted(shop) == 4
    assert MinuteCounter().run() == 2
    assert (counted(shop), in_minutes(shop)) == (4, 4)
    assert counted(shop, minimum_level=Level.ERROR) == counted(shop, levels=(Level.ERROR,)) == 2
    other = make_shop()
    assert in_minutes(other) == counted(other) == 0


def test_an_open_transaction_holds_back_what_was_stored_after_it_and_nothing_is_lost(
    shop: Shop, owner_connection: Connection
):
    send(shop, START)
    MinuteCounter().run()
    with owner_connection.transaction():
        owner_connection.execute(INSERT, [shop.organization_id, shop.service.pk, START, 1, 20])
        send(shop, START + timedelta(minutes=1))
        MinuteCounter().run()
        assert (counted(shop), in_minutes(shop)) == (2, 1)
    assert counted(shop) == 3
    MinuteCounter().run()
    assert (counted(shop), in_minutes(shop)) == (3, 3)


@pytest.mark.parametrize("horizon", ["cluster = 'another'", "horizon = horizon + 1000000000"])
def test_after_a_restore_everything_is_counted_anew(shop: Shop, owner_connection: Connection, horizon: str):
    send(shop, START)
    MinuteCounter().run()
    owner_connection.execute("UPDATE log_entry SET received_at = now() - interval '1 day'")
    owner_connection.execute("UPDATE log_entry SET transaction_id = transaction_id + 1000000")
    owner_connection.execute(f"UPDATE log_minute_progress SET {horizon}")
    owner_connection.execute("UPDATE log_minute SET info = 7")
    send(shop, START + timedelta(minutes=1))
    assert MinuteCounter().run() == 2
    assert (counted(shop), in_minutes(shop)) == (2, 2)
    assert MinuteCounter().run() == 0


def test_a_range_that_begins_and_ends_within_a_minute_is_exact(shop: Shop):
    send(shop, *(START + timedelta(seconds=10 * index) for index in range(30)))
    MinuteCounter().run()
    for since, until in ((15, 205), (60, 240), (61, 119), (0, 10)):
        query = LogQuery((shop.service.pk,), START + timedelta(seconds=since), START + timedelta(seconds=until))
        with shop.world.scope():
            buckets = log_store().histogram(query, interval=timedelta(minutes=1))
        wanted = [index for index in range(30) if since <= 10 * index < until]
        assert sum(bucket.count for bucket in buckets) == len(wanted)
        assert len(buckets) == len({index // 6 for index in wanted})


def test_a_count_that_would_take_too_long_says_that_it_is_not_exact(shop: Shop, owner_connection: Connection):
    send(shop, *(START + timedelta(minutes=10 * index) for index in range(6)))
    source = owner_connection.execute(
        "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = 'ingestion_log_histogram'"
    ).fetchone()[0]
    with_text, plain = LogFilters(text=parse_text("at")), LogFilters()
    with shop.world.scope():
        assert total(shop, with_text) == (6, {True})
        owner_connection.execute(source.replace("interval '2 seconds'", "interval '-1 second'").encode())
        assert total(shop, with_text) == (0, {False})
        assert total(shop, plain) == (6, {True})  # From the counts by minute: never too slow.
        # It came as far as the last half hour.
        owner_connection.execute(
            source.replace("clock_timestamp() > deadline", "piece.upper <= now() - interval '90 minutes'")
            .replace("span := '6 hours'", "span := '30 minutes'")
            .encode()
        )
        found, exact = total(shop, with_text)
        assert 0 < found < 6
        assert exact == {True, False}


def total(shop: Shop, filters: LogFilters) -> tuple[int, set[bool]]:
    histogram = log_histogram(filters, {shop.service.pk: shop.service}, interval="10m")
    assert histogram.is_exact == all(bucket.is_exact for bucket in histogram.buckets)
    return sum(bucket.count for bucket in histogram.buckets), {bucket.is_exact for bucket in histogram.buckets}
