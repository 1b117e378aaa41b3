"""Row-level security, as the runtime role meets it."""

import pytest
from django.db import connection

from incident_center.kernel.database.privileges import UnsafeDatabaseRoleError, refuse_unsafe_role
from incident_center.kernel.scope import no_scope
from organizations.models import Organization, Service
from tests.factories import make_world

pytestmark = pytest.mark.django_db


def test_no_scope_shows_no_rows():
    world = make_world()
    world.service()
    with no_scope():
        assert not Organization.objects.exists()
        assert not Service.objects.exists()


def test_an_organization_sees_only_its_own():
    acme, globex = make_world("Acme"), make_world("Globex")
    mine, theirs = acme.service("payments"), globex.service("payments")
    with acme.scope():
        assert list(Service.objects.all()) == [mine]
        assert not Service.objects.filter(pk=theirs.pk).exists()
        assert Service.objects.filter(pk=theirs.pk).update(description="stolen") == 0


def test_the_runtime_role_is_held_and_accepted():
    refuse_unsafe_role()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("incident_center_runtime",)


def test_an_owner_is_refused_at_run_time(monkeypatch, owner_connection):
    monkeypatch.setattr("incident_center.kernel.database.privileges.connection", owner_connection)
    with pytest.raises(UnsafeDatabaseRoleError, match="owns the database and owns tables"):
        refuse_unsafe_role()
