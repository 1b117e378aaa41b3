"""What PostgreSQL itself holds about logs: the wall, the grants, the partitions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import connection

from ingestion.logstore import log_store
from ingestion.logstore.port import LogStoreUnavailableError, TailRequest, WriteBatch
from ingestion.logstore.postgresql.connections import WriterConnections
from ingestion.models import LogEntry
from ingestion.tasks import make_partitions
from tests.ingestion.conftest import Shop, make_shop
from tests.ingestion.helpers import body, everything, log, post

Connection = psycopg.Connection[Any]


@pytest.fixture
def filled(shop: Shop) -> Shop:
    assert post(shop.key, body([log(index) for index in range(10)])).json()["received"] == 10
    return shop


def scoped(runtime: Connection, organization_id: int) -> None:
    runtime.execute("SELECT set_config('app.organization_id', %s, false)", [str(organization_id)])


def test_the_runtime_role_sees_and_writes_only_its_organization(filled: Shop, runtime_connection: Connection):
    other = make_shop()
    assert runtime_connection.execute("SELECT count(*) FROM log_entry").fetchone() == (0,)
    scoped(runtime_connection, other.organization_id)
    assert runtime_connection.execute("SELECT count(*) FROM log_entry").fetchone() == (0,)
    insert = (
        "INSERT INTO log_entry (organization_id, service_id, timestamp, received_at, hash, retention_days, level,"
        " message) VALUES (%s, %s, now(), now(), 1, 30, 20, 'forged')"
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        runtime_connection.execute(insert, [filled.organization_id, filled.service.pk])
    scoped(runtime_connection, filled.organization_id)
    assert runtime_connection.execute("SELECT count(*) FROM log_entry").fetchone() == (10,)


@pytest.mark.parametrize(
    "statement", ["UPDATE log_entry SET message = ''", "DELETE FROM log_entry", "TRUNCATE log_entry"]
)
def test_nothing_stored_can_be_changed_at_run_time(filled: Shop, runtime_connection: Connection, statement: str):
    scoped(runtime_connection, filled.organization_id)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        runtime_connection.execute(statement)


def test_partitions_are_reached_through_their_parent_only(filled: Shop, runtime_connection: Connection):
    scoped(runtime_connection, filled.organization_id)
    partitions = runtime_connection.execute(
        "SELECT relid::regclass::text, has_table_privilege(relid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')"
        " FROM pg_partition_tree('log_entry') WHERE relid <> 'log_entry'::regclass"
    ).fetchall()
    assert len(partitions) >= 5
    assert [name for name, allowed in partitions if allowed] == []  # But COPY of all columns except the organization.
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        runtime_connection.execute(f"SELECT count(*) FROM {partitions[-1][0]}")


def test_the_search_functions_answer_for_the_scope_whatever_services_are_asked_for(filled: Shop):
    other = make_shop()
    query = everything(filled.service.pk, other.service.pk)
    with other.world.scope():
        assert log_store().search(query, limit=100) == []
        assert log_store().histogram(query, interval=timedelta(hours=1)) == []
    with filled.world.scope():
        assert len(log_store().search(query, limit=100)) == 10
    assert log_store().search(query, limit=100) == []  # No scope, no logs.


def test_only_the_narrow_functions_are_open_to_the_runtime_role(filled: Shop, runtime_connection: Connection):
    allowed = runtime_connection.execute(
        "SELECT proname FROM pg_proc WHERE proname LIKE 'ingestion%' AND has_function_privilege(oid, 'EXECUTE')"
    ).fetchall()
    assert {name for (name,) in allowed} == {
        "ingestion_ensure_partition",
        "ingestion_search_logs",
        "ingestion_log_histogram",
        "ingestion_count_logs",
        # For the sweeps over all organizations, and for finding an archive's owner: numbers, no content.
        "ingestion_this_cluster",
        "ingestion_mined_until",
        "ingestion_organizations_to_mine",
        "ingestion_organization_of_slug",
    }


def test_what_looks_like_sql_is_only_text(filled: Shop):
    post(filled.key, log(99, message="100%_sure\\ ' OR true --"))
    with filled.world.scope():
        for word, count in (("%", 1), ("_", 1), ("\\", 1), ("' OR true --", 1), ("'; DROP TABLE log_entry --", 0)):
            query = everything(filled.service.pk)
            found = log_store().search(
                type(query)(query.service_ids, query.since, query.until, words=(word,)), limit=100
            )
            assert len(found) == count, word


# ---- Partitions ------------------------------------------------------------------------------------------------------


def test_partitions_are_made_on_demand_within_the_window_only(shop: Shop, runtime_connection: Connection):
    today = datetime.now(UTC).date()
    ensure = "SELECT ingestion_ensure_partition(%s::smallint, %s::date)"
    day = today - timedelta(days=5)
    assert runtime_connection.execute(ensure, [7, day]).fetchone() == (True,)
    assert runtime_connection.execute(ensure, [7, day]).fetchone() == (False,)
    for retention_days, refused in ((7, today - timedelta(days=8)), (7, today + timedelta(days=2)), (8, today)):
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            runtime_connection.execute(ensure, [retention_days, refused])


def test_the_maintenance_task_makes_the_days_ahead_once(
    shop: Shop, owner_connection: Connection, monkeypatch: pytest.MonkeyPatch
):
    owner = owner_connection.info
    monkeypatch.setitem(connection.settings_dict, "USER", owner.user)
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", owner.password)
    connection.close()
    try:
        assert make_partitions() == 16
        assert make_partitions() == 0
    finally:
        connection.close()


def test_the_writer_notices_that_a_partition_it_knew_was_dropped(filled: Shop, owner_connection: Connection):
    today = datetime.now(UTC)
    for days_back in (0, 1):
        name = f"log_entry_30_{today - timedelta(days=days_back):%Y%m%d}"
        owner_connection.execute(f"DROP TABLE IF EXISTS {name}")
    for count in (1, 500):
        assert post(filled.key, body([log(1_000 + index) for index in range(count)])).status_code == 200
    with filled.world.scope():
        assert LogEntry.objects.count() == 501


def test_the_model_is_the_table(filled: Shop, owner_connection: Connection):
    columns = owner_connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'log_entry'"
    ).fetchall()
    fields = apps.get_model("ingestion", "LogEntry")._meta.concrete_fields
    assert {name for (name,) in columns} == {field.column for field in fields}


# ---- The ways in -----------------------------------------------------------------------------------------------------

COLUMNS = 'service_id, "timestamp", received_at, hash, level, message, metadata'
ROW = "1\t{}\t{}\t1\t20\tforged\t{{}}\n"


def copy(runtime: Connection, columns: str, row: str) -> None:
    partition = f"log_entry_30_{datetime.now(UTC):%Y%m%d}"
    with runtime.cursor().copy(f"COPY {partition} ({columns}) FROM STDIN") as stream:
        stream.write(row)


def test_a_copy_cannot_choose_the_organization(filled: Shop, runtime_connection: Connection):
    today = datetime.now(UTC).replace(hour=0, minute=0).isoformat()
    row = ROW.format(today, today)
    with pytest.raises(psycopg.errors.NotNullViolation):  # No scope, no organization.
        copy(runtime_connection, COLUMNS, row)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        copy(runtime_connection, f"organization_id, {COLUMNS}", f"{filled.organization_id}\t{row}")
    other = make_shop()
    scoped(runtime_connection, other.organization_id)
    copy(runtime_connection, COLUMNS, row)
    assert runtime_connection.execute("SELECT message FROM log_entry").fetchall() == [("forged",)]
    with filled.world.scope():
        assert LogEntry.objects.count() == 10


@pytest.mark.parametrize("sent_again", [1, 350, 800])
def test_a_large_batch_passes_over_what_is_there(shop: Shop, sent_again: int):
    """First by failing, then by looking first: the answer is the same."""
    logs = [log(index) for index in range(800)]
    assert post(shop.key, body(logs)).json()["received"] == 800
    for round_ in (1, 2):
        new = [log(10_000 * round_ + index) for index in range(800 - sent_again)]
        answer = post(shop.key, body(logs[:sent_again] + new)).json()
        assert (answer["received"], answer["duplicates_skipped"]) == (800 - sent_again, sent_again)
    with shop.world.scope():
        assert LogEntry.objects.count() == 800 + 2 * (800 - sent_again)


def test_writers_of_the_same_logs_at_once_store_them_once(shop: Shop):
    """Each may see them missing and fail on the other's; the last way succeeds whatever is there."""
    content = body([log(index) for index in range(600)])
    with ThreadPoolExecutor(4) as senders:
        answers = [answer.json() for answer in senders.map(lambda _: post(shop.key, content), range(8))]
    assert sorted(answer["received"] for answer in answers) == [0] * 7 + [600]


def test_a_large_batch_over_several_days_reaches_each_partition(shop: Shop):
    now = datetime.now(UTC)
    for days in (3, 12):
        logs = [log(index, at=now - timedelta(days=index % days)) for index in range(600)]
        assert post(shop.key, body(logs)).status_code == 200
    with shop.world.scope():
        assert len({entry.timestamp.date() for entry in LogEntry.objects.all()}) >= 12


def test_a_log_whose_day_has_gone_meanwhile_is_to_be_sent_again(shop: Shop):
    """Read a moment before midnight, written a moment after: sent again, it is a dead letter."""
    gone = datetime.now(UTC) - timedelta(days=32)
    row = (shop.service.pk, int(gone.timestamp() * 1_000_000), 1, 20, b"late", b"{}", None)
    with pytest.raises(LogStoreUnavailableError):
        log_store().write(WriteBatch(shop.organization_id, 30, datetime.now(UTC), [row]))


def test_what_is_followed_has_its_times_in_utc_wherever_the_server_stands(shop: Shop, owner_connection: Connection):
    database = owner_connection.info.dbname
    owner_connection.execute(f"ALTER DATABASE \"{database}\" SET timezone TO 'Asia/Kolkata'")
    log_store().close()  # type: ignore[attr-defined]
    before = log_store().position()
    assert post(shop.key, body([log(1)])).json()["received"] == 1
    request = TailRequest(everything(shop.service.pk), before)
    _, [page] = log_store().tail(shop.organization_id, [request], limit=10)
    (record,) = page.records
    assert (record.timestamp.utcoffset(), record.received_at.utcoffset()) == (timedelta(0), timedelta(0))


def test_a_server_that_vanishes_without_a_word_is_noticed_in_time(shop: Shop):
    connection.ensure_connection()
    own_connections = WriterConnections(1)
    with own_connections.connection(patience=1) as own:
        for each in (own, connection.connection):
            said = each.info.get_parameters()
            assert int(said["tcp_user_timeout"]) <= 30_000
            assert int(said["keepalives_idle"]) + int(said["keepalives_interval"]) * int(said["keepalives_count"]) <= 30
    own_connections.close()
