import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from incident_center.kernel.api.idempotency import KEPT_FOR
from incident_center.kernel.housekeeping import forget_idempotent_requests, forget_sessions_and_tokens
from incident_center.kernel.models import IdempotentRequest
from tests.factories import make_world


@pytest.mark.django_db
def test_only_answers_past_their_time_are_forgotten():
    world = make_world(roles=())
    with world.scope():
        for key in ("old", "young"):
            IdempotentRequest.objects.create(principal="user:x", key=key, request_hash=b"")
        IdempotentRequest.objects.filter(key="old").update(created_at=timezone.now() - KEPT_FOR * 2)
        assert forget_idempotent_requests.run() == 1
        assert [row.key for row in IdempotentRequest.objects.all()] == ["young"]


def test_ended_sessions_are_forgotten(committed_database):
    ended = Session.objects.create(session_key="ended", session_data="", expire_date=timezone.now() - KEPT_FOR)
    lasting = Session.objects.create(session_key="lasting", session_data="", expire_date=timezone.now() + KEPT_FOR)
    forget_sessions_and_tokens()
    connection.connect()
    assert list(Session.objects.all()) == [lasting]
    assert not Session.objects.filter(pk=ended.pk).exists()
