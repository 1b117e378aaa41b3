"""The service's page says how to connect, with this installation's address in every snippet."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client

from organizations.access import Role
from tests.factories import make_world


@pytest.mark.django_db
def test_every_snippet_has_the_address():
    world = make_world()
    service = world.service("checkout")
    client = Client()
    client.force_login(world.user(Role.TEAM_LEAD))
    page = client.get(f"/services/{service.public_id}").content.decode()
    for path in ("/v1/ingest", "/v1/otlp", "/v1/otlp/v1/logs", "/v1/alerts/alertmanager", "/v2/enqueue"):
        assert f"{settings.BASE_URL}{path}" in page
    assert 'OTEL_SERVICE_NAME="checkout"' in page
    assert "Host           " in page
