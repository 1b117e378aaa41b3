"""One living join code an organization, also when two owners make one at once."""

from __future__ import annotations

import threading
import time

from django.db import connection, transaction

from organizations.actions.join_codes import join_code_rotate
from organizations.models import JoinCode
from tests.factories import make_world

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


def test_of_two_owners_who_make_a_code_at_once_the_second_replaces_the_first(committed_database, owner_connection):
    world = make_world(roles=())
    failures: list[Exception] = []

    def make_another() -> None:
        try:
            with world.scope():
                join_code_rotate(actor=world.actor, user_id=world.owner.user_id)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    another = threading.Thread(target=make_another)
    with world.scope(), transaction.atomic():
        join_code_rotate(actor=world.actor, user_id=world.owner.user_id)
        another.start()
        until = time.monotonic() + 10
        while owner_connection.execute(WAITING).fetchone() == (0,) and time.monotonic() < until:
            time.sleep(0.01)
    another.join(10)
    assert failures == []
    with world.scope():
        assert JoinCode.objects.filter(revoked_at=None).count() == 1
