"""The pages of silences, as a person uses them: look ahead, set one, find it on the incident, end it there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.test import Client

from detection.models import Silence
from organizations.access import Role
from tests.factories import make_world
from tests.incidents.factories import open_incident

URL = "/detection/silences"


def test_from_the_preview_to_the_end_on_the_incidents_page(db: None):
    world = make_world(roles=(Role.OWNER, Role.ENGINEER))
    client, reader = Client(), Client()
    client.force_login(world.user(Role.OWNER))
    reader.force_login(world.user(Role.ENGINEER))
    with world.scope():
        incident = open_incident(world, title="Disk full on db1")
    ends_at = datetime.now(UTC) + timedelta(hours=2)
    form = {
        "kind": "silence", "title": "disk", "starts_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M}",
        "ends_at": f"{ends_at:%Y-%m-%dT%H:%M}", "time_zone": "UTC", "owner": str(world.owner.user_id),
    }  # fmt: skip
    assert 'name="ends_at"' in client.get(f"{URL}/new").content.decode()
    seen = client.post(f"{URL}/preview", form).content.decode()
    assert incident.reference in seen and "1 would be muted" in " ".join(seen.split())
    assert client.post(f"{URL}/new", form).status_code == 400  # Why, nobody said.
    refused = client.post(f"{URL}/new", {**form, "reason": "Disk swap", "kind": "maintenance"})
    assert refused.status_code == 400 and "services and environments only" in refused.content.decode()
    made = client.post(f"{URL}/new", {**form, "reason": "Disk swap"})
    assert made.status_code == 302, made.content.decode()
    with world.scope():
        silence = Silence.objects.get()
    page = client.get(f"/incidents/{incident.reference}").content.decode()
    assert "Muted until" in page and "Disk swap" in page and "End the silence" in page
    assert "End the silence" not in reader.get(f"/incidents/{incident.reference}").content.decode()
    for address in (URL, f"{URL}/{silence.pk}", f"{URL}/{silence.pk}/edit"):
        assert "Disk swap" in client.get(address).content.decode()
    assert incident.reference in client.get(f"{URL}/{silence.pk}").content.decode()
    changed = client.post(f"{URL}/{silence.pk}/edit", {**form, "reason": "Disk swap", "hours_from": "22:00"})
    assert changed.status_code == 400 and "both hours" in changed.content.decode()
    ended = client.post(f"{URL}/{silence.pk}/end", {"next": f"/incidents/{incident.reference}"})
    assert ended.headers["Location"] == f"/incidents/{incident.reference}"
    page = client.get(f"/incidents/{incident.reference}").content.decode()
    assert "End the silence" not in page and "Not muted any more" in page
