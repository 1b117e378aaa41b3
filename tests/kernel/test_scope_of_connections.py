"""The ways in which a connection could end up in another organization's scope, each closed."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections, transaction
from django.http import StreamingHttpResponse
from django.test import RequestFactory
from django_tenants.utils import tenant_context

from incident_center.kernel.database.base import APPLY_SCOPE
from incident_center.kernel.middleware import ScopeMiddleware
from incident_center.kernel.scope import (
    Actor,
    OutsideOrganizationError,
    current_scope,
    enter_scope,
    no_scope,
    organization_scope,
    require_organization_id,
)
from organizations.models import Organization, Service
from tests.factories import make_world

SYSTEM = Actor.system("test")


def visible_names() -> list[str]:
    return sorted(Service.objects.values_list("name", flat=True))


@pytest.fixture
def two_worlds(committed_database):
    """Two organizations, each with one service, committed so that other connections see them."""
    acme, globex = make_world("Acme", roles=()), make_world("Globex", roles=())
    acme.service("acme-service")
    globex.service("globex-service")
    yield acme.organization, globex.organization
    connection.close()


def test_tasks_that_share_one_thread_and_connection_keep_apart(two_worlds):
    """Sync work of asyncio tasks runs on one shared thread, hence on one connection, interleaved."""

    async def look(organization: Organization) -> list[list[str]]:
        seen = []
        with organization_scope(organization.pk, actor=SYSTEM):
            for _ in range(10):
                seen.append(await sync_to_async(visible_names, thread_sensitive=True)())
                await asyncio.sleep(0)
        return seen

    async def both() -> list[list[list[str]]]:
        return await asyncio.gather(*(look(organization) for organization in two_worlds))

    acme_saw, globex_saw = asyncio.run(both())
    assert acme_saw == [["acme-service"]] * 10
    assert globex_saw == [["globex-service"]] * 10


def test_a_rollback_does_not_leave_the_scope_of_before(two_worlds):
    """PostgreSQL takes a SET back together with its transaction; the backend must notice."""
    acme, globex = two_worlds
    with organization_scope(acme.pk, actor=SYSTEM):
        assert visible_names() == ["acme-service"]
    with organization_scope(globex.pk, actor=SYSTEM):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            assert visible_names() == ["globex-service"]
            raise ZeroDivisionError
        assert visible_names() == ["globex-service"]
        with transaction.atomic():
            with pytest.raises(ZeroDivisionError), transaction.atomic(), organization_scope(acme.pk, actor=SYSTEM):
                assert visible_names() == ["acme-service"]
                raise ZeroDivisionError
            assert visible_names() == ["globex-service"]


def test_a_thread_pool_answers_each_with_its_own(two_worlds):
    def look(organization_id: int) -> list[str]:
        try:
            with organization_scope(organization_id, actor=SYSTEM):
                return visible_names()
        finally:
            connections.close_all()

    wanted = [two_worlds[i % 2].pk for i in range(40)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(look, wanted))
    expected = {two_worlds[0].pk: ["acme-service"], two_worlds[1].pk: ["globex-service"]}
    assert answers == [expected[organization_id] for organization_id in wanted]


def test_a_new_thread_starts_outside_every_organization(two_worlds):
    seen: list[object] = []
    with organization_scope(two_worlds[0].pk, actor=SYSTEM):
        thread = threading.Thread(target=lambda: seen.extend([current_scope().organization_id, visible_names()]))
        thread.start()
        thread.join()
    assert seen == [None, []]


def test_a_streamed_answer_stays_in_its_scope_and_leaves_none_behind(two_worlds):
    acme, globex = two_worlds

    def view(request):
        enter_scope(acme.pk, SYSTEM)
        return StreamingHttpResponse(",".join(visible_names()) for _ in range(3))

    response = ScopeMiddleware(view)(RequestFactory().get("/"))
    pieces = iter(response.streaming_content)
    with organization_scope(globex.pk, actor=SYSTEM):
        assert next(pieces) == b"acme-service"
        assert visible_names() == ["globex-service"]
        assert list(pieces) == [b"acme-service"] * 2
        assert visible_names() == ["globex-service"]


def test_a_request_leaves_no_scope_behind(two_worlds):
    def view(request):
        enter_scope(two_worlds[0].pk, SYSTEM)
        return StreamingHttpResponse([])

    with no_scope():
        ScopeMiddleware(view)(RequestFactory().get("/"))
        assert current_scope().organization_id is None
        assert visible_names() == []


def test_a_pooled_connection_forgets_its_last_user(two_worlds):
    """Django's own pool hands the same server session to whoever comes next."""
    from django.db.backends.signals import connection_created
    from psycopg_pool import ConnectionPool  # noqa: F401  (the pool must be installed for this to test anything)

    wrapper = connections["default"]
    wrapper.close()
    wrapper.settings_dict["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 1}
    wrapper.settings_dict["CONN_MAX_AGE"] = 0
    sessions: list[int] = []

    def note_session(connection, **_):
        sessions.append(connection.connection.info.backend_pid)

    connection_created.connect(note_session)
    try:
        with organization_scope(two_worlds[0].pk, actor=SYSTEM):
            assert visible_names() == ["acme-service"]
        wrapper.close()
        with no_scope():
            assert visible_names() == []
        wrapper.close()
        with organization_scope(two_worlds[1].pk, actor=SYSTEM):
            assert visible_names() == ["globex-service"]
        assert len(set(sessions)) == 1, "the pool gave out another session, so that nothing was tested"
    finally:
        connection_created.disconnect(note_session)
        wrapper.close()
        wrapper.close_pool()
        del wrapper.settings_dict["OPTIONS"]["pool"]
        wrapper.settings_dict["CONN_MAX_AGE"] = 600


@pytest.fixture
def lent(two_worlds, settings):
    """A connection as if behind a pooler that lends it for one transaction: another client left its own scope there."""
    settings.DATABASE_TRANSACTION_POOLER = True
    ours = connections["default"]
    ours.close()
    lent = connections["default"] = connections.create_connection("default")
    lent.ensure_connection()
    with lent.connection.cursor() as another_client:
        another_client.execute(APPLY_SCOPE, [str(two_worlds[1].pk), "user:another"])
    yield lent
    lent.close()
    connections["default"] = ours


def left_on_the_session(lent) -> tuple[str, str]:
    query = "SELECT current_setting('app.organization_id', true), current_setting('app.actor', true)"
    return lent.connection.execute(query).fetchone()


def test_a_lent_connection_takes_nobody_elses_scope_and_leaves_none(two_worlds, lent):
    others = (str(two_worlds[1].pk), "user:another")
    with organization_scope(two_worlds[0].pk, actor=SYSTEM):
        assert visible_names() == ["acme-service"], "outside a transaction"
        assert left_on_the_session(lent) == others
        with transaction.atomic():
            assert visible_names() == ["acme-service"]
            with organization_scope(two_worlds[1].pk, actor=SYSTEM):
                assert visible_names() == ["globex-service"], "the scope changes within a transaction"
            assert visible_names() == ["acme-service"]
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                Service.objects.update(name="never")
                raise ZeroDivisionError
            assert visible_names() == ["acme-service"], "after a savepoint's rollback"
        assert left_on_the_session(lent) == others
        with transaction.atomic():
            assert visible_names() == ["acme-service"], "in the next transaction"
    with no_scope():
        assert visible_names() == []


def test_a_lost_session_comes_back_in_scope(two_worlds):
    with organization_scope(two_worlds[0].pk, actor=SYSTEM):
        assert visible_names() == ["acme-service"]
        connection.close()
        assert visible_names() == ["acme-service"]


def test_django_tenants_context_opens_the_scope_and_closes_it(two_worlds):
    with tenant_context(two_worlds[0]):
        assert visible_names() == ["acme-service"]
    assert visible_names() == []


def test_code_that_needs_an_organization_says_so():
    with pytest.raises(OutsideOrganizationError):
        require_organization_id()
