"""The embedded PostgreSQL: who it lets in as what, and how it comes back."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import psycopg
import pytest

from incident_center.supervisor.database_setup import OWNER_ROLE, RUNTIME_ROLE
from incident_center.supervisor.errors import StartError
from incident_center.supervisor.identity import server_identity
from incident_center.supervisor.postgres import EmbeddedPostgres


@pytest.mark.parametrize("role", [OWNER_ROLE, RUNTIME_ROLE])
def test_neither_role_can_pass_row_level_security(postgres: EmbeddedPostgres, role: str) -> None:
    with psycopg.connect(postgres.url(role)) as connection:
        attributes = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication FROM pg_roles"
            " WHERE rolname = current_user"
        ).fetchone()
    assert attributes == (False, False, False, False, False)


def test_the_owner_owns_the_database_and_the_runtime_role_owns_nothing(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url(RUNTIME_ROLE), autocommit=True) as connection:
        owner = connection.execute(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        ).fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE public.made_by_runtime (id int)")
        connection.execute("CREATE TEMPORARY TABLE staging (id int)")
    assert owner == (OWNER_ROLE,)


def test_the_extensions_that_only_a_superuser_may_make_are_there(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url()) as connection:
        names = {name for (name,) in connection.execute("SELECT extname FROM pg_extension")}
    assert {"vector", "pg_trgm", "pg_stat_statements", "btree_gin"} <= names


def test_an_answer_is_durable_and_damage_would_be_noticed(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.superuser_url()) as connection:
        settings = dict(
            connection.execute(
                "SELECT name, setting FROM pg_settings WHERE name IN"
                " ('fsync', 'synchronous_commit', 'full_page_writes', 'data_checksums', 'listen_addresses')"
            )
        )
    assert settings == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "listen_addresses": "",
    }


def test_text_sorts_by_code_point_on_every_machine(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url()) as connection:
        row = connection.execute("SELECT array_agg(x ORDER BY x) FROM unnest('{b,a,B,ä}'::text[]) x").fetchone()
    assert row == (["B", "a", "b", "ä"],)


def test_the_socket_asks_for_a_password(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host=str(postgres.sockets), user="postgres", dbname="postgres", password="wrong")


def test_data_sockets_and_passwords_are_closed_to_others(postgres: EmbeddedPostgres) -> None:
    for path, mode in [
        (postgres.data, 0o700),
        (postgres.sockets, 0o700),
        (postgres.directory / "passwords.json", 0o600),
    ]:
        assert stat.S_IMODE(path.stat().st_mode) == mode, path


def test_a_database_is_copied_from_a_template_and_dropped(postgres: EmbeddedPostgres) -> None:
    postgres.create_database("original")
    with psycopg.connect(postgres.url(OWNER_ROLE, "original")) as connection:
        connection.execute("CREATE TABLE kept (id int)")
    postgres.create_database("copy", template="original")
    connection = psycopg.connect(postgres.url(OWNER_ROLE, "copy"))
    assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    # A session that is still open does not keep a test from cleaning up.
    postgres.drop_database("copy")
    postgres.drop_database("original")
    connection.close()


def test_preparing_the_roles_again_changes_nothing(postgres: EmbeddedPostgres) -> None:
    postgres.prepare_roles()
    with psycopg.connect(postgres.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_what_was_committed_survives_kill_9_and_a_second_start(server_folder: Path) -> None:
    server = EmbeddedPostgres(server_folder / "postgres")
    server.start()
    server.prepare_roles()
    with psycopg.connect(server.url(OWNER_ROLE)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS id")
    server.kill()
    server.start()
    server.stop()
    again = EmbeddedPostgres(server_folder / "postgres")
    again.start()
    try:
        with psycopg.connect(again.url(OWNER_ROLE)) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)
    finally:
        again.stop()


def test_an_interrupted_creation_is_made_anew(server_folder: Path) -> None:
    half_made = server_folder / "postgres/data.partial"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    told: list[str] = []
    server = EmbeddedPostgres(server_folder / "postgres", report=told.append)
    server.start()
    server.stop()
    assert not half_made.exists()
    assert told == ["an earlier start was interrupted while it made the database; making it anew"]


def test_a_damaged_data_folder_is_refused_and_left_alone(server_folder: Path) -> None:
    data = server_folder / "postgres/data"
    data.mkdir(parents=True)
    (data / "somebody's file").touch()
    with pytest.raises(StartError, match="half a data folder") as refusal:
        EmbeddedPostgres(server_folder / "postgres").start()
    assert f"mv {data}" in refusal.value.remedy
    assert (data / "somebody's file").exists()


def test_data_of_another_major_version_is_refused(server_folder: Path) -> None:
    server = EmbeddedPostgres(server_folder / "postgres")
    server.start()
    server.stop()
    (server.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(StartError, match="made by PostgreSQL 17"):
        EmbeddedPostgres(server_folder / "postgres").start()


def test_a_pid_file_whose_pid_now_belongs_to_somebody_else_does_not_stop_it(server_folder: Path) -> None:
    server = EmbeddedPostgres(server_folder / "postgres")
    server.start()
    server.stop()
    pid_file = server.data / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{server.data}\n0\n5432\n\n\n\n")
    server.identity.own(pid_file, 0o600)
    server.start()
    server.stop()


def test_a_server_that_an_earlier_run_left_behind_is_stopped_first(server_folder: Path) -> None:
    left_behind = EmbeddedPostgres(server_folder / "postgres")
    left_behind.start()
    told: list[str] = []
    server = EmbeddedPostgres(server_folder / "postgres", report=told.append)
    with pytest.raises(StartError, match="Another running installation"):
        server.start()
    # As when the supervisor was killed. Somebody has to take notice of the server's end, as init does for an orphan.
    left_behind._give_up_directory()
    reaper = threading.Thread(target=left_behind.child.wait, args=(30,))
    reaper.start()
    server.start()
    server.stop()
    reaper.join()
    assert len(told) == 1 and "left behind" in told[0]


def test_a_deep_state_folder_gets_a_short_socket(server_folder: Path) -> None:
    deep = server_folder / ("a-rather-long-name-" * 5) / "postgres"
    deep.parent.mkdir()
    deep.parent.chmod(0o711)
    server = EmbeddedPostgres(deep)
    server.start()
    try:
        assert len(os.fsencode(server.sockets)) < 90
        assert stat.S_IMODE(server.sockets.stat().st_mode) == 0o700
    finally:
        server.stop()
        server.sockets.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_runs_the_server_as_somebody_else(postgres: EmbeddedPostgres) -> None:
    assert server_identity().uid != 0
    assert postgres.data.stat().st_uid == server_identity().uid
