"""Sealing: everything that can no longer be overtaken, once, in order, and published outside the database."""

from __future__ import annotations

import json
import os
import threading
from itertools import pairwise

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.utils import DatabaseError, OperationalError

from audit import leaves, merkle, publishing
from audit.actions import seal
from audit.actions.seal import seal_everything, seal_organization
from audit.models import AuditEntry, AuditSeal
from audit.verification import verify_record
from organizations.actions.teams import team_create
from tests.factories import make_world


def seals_of(world) -> list[AuditSeal]:
    with world.scope():
        return list(AuditSeal.objects.order_by("number"))


def verdict_on(world):
    with world.scope():
        return verify_record(world.organization.pk)


def change(session: psycopg.Connection, world, text: str) -> None:
    session.execute("SELECT set_config('app.organization_id', %s, false)", [str(world.organization.pk)])
    session.execute("UPDATE organizations_service SET description = %s", [text])


def test_the_whole_record_is_sealed_once(acme):
    with acme.scope():
        entries = AuditEntry.objects.count()
    assert seal_organization(acme.organization.pk) == 1
    assert seal_organization(acme.organization.pk) == 0
    (only,) = seals_of(acme)
    assert (only.entries, only.total, bytes(only.history)) == (entries, entries, merkle.EMPTY_ROOT)
    verdict = verdict_on(acme)
    assert (verdict.valid, verdict.entries, verdict.unsealed, verdict.seals) == (True, entries, 0, 1)
    assert verdict.sealed_until == only.sealed_at


def test_seals_are_chained_and_bounded_and_share_no_transaction(acme, monkeypatch):
    monkeypatch.setattr(seal, "MOST_ENTRIES_IN_A_SEAL", 2)
    for number in range(12):
        acme.service(f"service-{number}")
    seal_everything()
    chain = seals_of(acme)
    assert len(chain) > 6
    history = merkle.Frontier()
    for before, after in pairwise(chain):
        history.append(bytes(before.hash))
        assert bytes(after.previous) == bytes(before.hash)
        assert bytes(after.history) == history.root()
        assert after.from_transaction == before.until_transaction
    # Founding the organization is one transaction of more than two entries, and one seal all the same.
    assert chain[0].entries > 2
    assert all(each.entries <= 2 for each in chain[1:])
    assert verdict_on(acme).valid


@pytest.mark.parametrize("page", [1, 3, 7])
def test_verification_reads_page_after_page(page, acme, monkeypatch):
    monkeypatch.setattr(leaves, "PAGE", page)
    monkeypatch.setattr(seal, "MOST_ENTRIES_IN_A_SEAL", 4)
    acme.service("one more")
    seal_everything()
    with acme.scope():
        entries = AuditEntry.objects.count()
    counted: list[int] = []
    with acme.scope():
        verdict = verify_record(acme.organization.pk, progress=counted.append)
    assert (verdict.first_invalid, verdict.entries, counted[-1]) == (None, entries, entries)
    assert len(counted) == -(-entries // page)


def test_seals_are_published_once_in_the_log_and_the_file(acme, seals_file, caplog):
    with caplog.at_level("INFO", logger="audit.publishing"):
        seal_everything()
        seal_everything()
    lines = [json.loads(line) for line in seals_file.read_text().splitlines()]
    assert [line["organization_id"] for line in lines].count(acme.organization.pk) == 1
    logged = [record.fields["seal"] for record in caplog.records if record.message == "audit seal"]
    assert logged == lines
    (only,) = seals_of(acme)
    ours = next(line for line in lines if line["organization_id"] == acme.organization.pk)
    assert ours == {**only.document.as_dict(), "hash": bytes(only.hash).hex()}
    assert only.document.hash() == bytes(only.hash)


def test_a_place_that_was_away_gets_the_seals_later(acme, seals_file):
    seals_file.mkdir(parents=True)
    seal_everything()
    seals_file.rmdir()
    seal_everything()
    assert len(seals_file.read_text().splitlines()) >= 1
    assert verdict_on(acme).published == 1


def test_nobody_waits_for_the_webhook_which_gets_the_seals_of_the_minute(acme, seals_file, settings, monkeypatch):
    sent: list[dict] = []
    monkeypatch.setattr(publishing, "_to_webhook", sent.extend)
    settings.AUDIT_SEALS_WEBHOOK = "https://anchor.example/seals"
    seal_organization(acme.organization.pk)
    assert (len(sent), len(seals_file.read_text().splitlines())) == (0, 1)
    seal_everything()
    assert acme.organization.pk in [line["organization_id"] for line in sent]


def test_no_entry_is_missed_under_concurrent_slow_writers(acme):
    """Ten transactions stay open, each with entries behind and before those that commit meanwhile."""
    writers = 10
    may_commit = [threading.Event() for _ in range(writers)]
    has_written = threading.Barrier(writers + 1)
    connection.close()

    def write(number: int) -> None:
        try:
            with acme.scope(), transaction.atomic():
                for turn in range(3):
                    team_create(actor=acme.actor, name=f"team {number} {turn}")
                    if turn == 0:
                        has_written.wait(20)
                    may_commit[number].wait(20)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[number]) for number in range(writers)]
    for thread in threads:
        thread.start()
    has_written.wait(20)
    for number in reversed(range(writers)):  # The last to begin commits first.
        acme.service(f"quick-{number}")  # Commits at once, with a higher transaction id than those that wait.
        seal_organization(acme.organization.pk)
        may_commit[number].set()
        threads[number].join(20)
        seal_organization(acme.organization.pk)
    seal_organization(acme.organization.pk)
    with acme.scope():
        entries = AuditEntry.objects.count()
        teams = AuditEntry.objects.filter(table_name="organizations_team").count()
    verdict = verdict_on(acme)
    assert teams == writers * 3
    assert (verdict.first_invalid, verdict.entries, verdict.unsealed) == (None, entries, 0)


def test_an_open_transaction_holds_back_what_came_after_it(acme):
    seal_organization(acme.organization.pk)
    with psycopg.connect(os.environ["DATABASE_URL"]) as slow:
        change(slow, acme, "slowly")
        acme.service("meanwhile")
        assert seal_organization(acme.organization.pk) == 0
        assert verdict_on(acme).unsealed > 0
    assert seal_organization(acme.organization.pk) == 1
    assert verdict_on(acme).unsealed == 0


def test_two_sealers_at_once_make_one_chain(acme):
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(5):
                acme.service()
                seal_organization(acme.organization.pk)
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    seal_organization(acme.organization.pk)
    verdict = verdict_on(acme)
    assert (verdict.first_invalid, verdict.unsealed) == (None, 0)


def test_the_trouble_of_one_record_leaves_no_other_open(acme, owner_connection):
    other = make_world("Other", roles=())
    seal_everything()
    # At the very end of an epoch that is over: a seal can begin there, and cover nothing.
    owner_connection.execute(
        "INSERT INTO audit_entry (id, organization_id, epoch, at, transaction_id, actor, table_name, operation,"
        " object_id) SELECT gen_random_uuid(), %s, 99, now(), 9223372036854775807, 'x', 'x', 'insert', 'x'",
        [acme.organization.pk],
    )
    other.service("after the trouble")
    connection.close()
    with pytest.raises(DatabaseError):
        seal_everything()
    assert len(seals_of(other)) == 2


def test_after_a_restore_into_another_cluster_a_new_epoch_begins(acme, owner_connection):
    seal_everything()
    acme.service("not sealed before the dump")
    owner_connection.execute("UPDATE audit_epoch SET system_identifier = 1")  # As a dump from elsewhere brings it.
    with pytest.raises(OperationalError, match="another database cluster"):
        seal_everything()
    assert owner_connection.execute("SELECT audit_begin_epoch('restored')").fetchone() == (2,)
    acme.service("after the restore")
    seal_everything()
    chain = seals_of(acme)
    assert [each.epoch for each in chain] == [1, 1, 2]
    assert chain[1].until_transaction == 2**63 - 1
    verdict = verdict_on(acme)
    assert (verdict.first_invalid, verdict.unsealed) == (None, 0)


def test_the_command_says_what_it_verified(acme, seals_file, capsys):
    call_command("verify_audit")
    assert "acme" in (out := capsys.readouterr().out) and "intact" in out and "1 compared with those published" in out
