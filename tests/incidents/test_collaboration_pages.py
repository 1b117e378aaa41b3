"""Working together on an incident, on its page and in the list."""

from __future__ import annotations

import pytest
from django.test import Client

from incidents.actions.incident_merge import incident_merge
from incidents.models import Incident, IncidentTask, Postmortem, SavedView
from organizations.access import Role
from tests.incidents.factories import open_incident


@pytest.fixture
def incident(world):
    with world.scope():
        return open_incident(world)


def client_of(world, role=Role.ENGINEER):
    client = Client()
    client.force_login(world.user(role))
    return client


def text(response):
    return response.content.decode()


def test_labels_links_tasks_and_followers_stand_on_the_page(world, incident):
    with world.scope():
        other = open_incident(world, title="The cause")
    client, page = client_of(world), f"/incidents/{incident.reference}"
    assert client.post(f"{page}/labels", {"labels": "payment, customer:acme"}).status_code == 302
    assert client.post(f"{page}/links", {"kind": "caused_by", "incident": other.reference}).status_code == 302
    assert client.post(f"{page}/tasks", {"title": "Add an alert"}).status_code == 302
    assert client.post(f"{page}/follow").status_code == 302
    shown = text(client.get(page))
    for words in ("customer:acme", "was caused by", "The cause", "Add an alert", "Stop following"):
        assert words in shown
    with world.scope():
        task = IncidentTask.objects.get()
    assert client.post(f"{page}/tasks/{task.pk}", {"done": "on"}).status_code == 302
    client.post(f"{page}/follow")
    shown = text(client.get(page))
    assert "did the task" in shown
    assert "Stop following" not in shown
    assert client.post(f"{page}/links", {"kind": "related", "incident": "INC-999"}).status_code == 400


def test_a_merge_can_be_taken_back_on_the_page(world, incident):
    with world.scope():
        target = open_incident(world, title="Target")
        incident_merge(incident_id=incident.pk, actor=world.actor, into_id=target.pk)
    client = client_of(world, Role.TEAM_LEAD)
    assert "Take the merge back" in text(client.get(f"/incidents/{incident.reference}"))
    assert client.post(f"/incidents/{incident.reference}/unmerge").status_code == 302
    with world.scope():
        assert Incident.objects.get(pk=incident.pk).merged_into is None


def test_a_note_is_previewed_as_it_will_look(world):
    shown = text(client_of(world).post("/incidents/preview", {"body": "**bold** <script>alert(1)</script>"}))
    assert "<strong>bold</strong>" in shown
    assert "<script>" not in shown


def test_a_postmortem_from_draft_to_file(world, incident):
    client, page = client_of(world), f"/incidents/{incident.reference}/postmortem"
    assert "Nothing is written yet" in text(client.get(page))
    assert client.post(f"{page}/begin", {"next": page + "?edit"})["Location"] == page + "?edit"
    assert "Root cause" in text(client.get(page + "?edit"))
    assert client.post(page, {"body": "# Learnt", "version": "1"}).status_code == 302
    stale = client.post(page, {"body": "# Mine", "version": "1"})
    assert stale.status_code == 409
    assert "# Learnt" in text(stale)
    assert "# Mine" in text(stale)
    assert client.post(f"{page}/publish").status_code == 302
    assert "Published" in text(client.get(page))
    assert client.get(f"{page}/download?as=pdf").content.startswith(b"%PDF-")
    auditor = client_of(world, Role.AUDITOR)
    assert "Edit" not in text(auditor.get(page)).split("<main")[1].split("</main>")[0]
    with world.scope():
        assert Postmortem.objects.get().published_by == world.user(Role.ENGINEER)


def test_views_of_the_list_are_saved_and_deleted(world, incident):
    client = client_of(world)
    assert "Save this view" not in text(client.get("/incidents"))
    assert "Save this view" in text(client.get("/incidents?q=pay"))
    saved = client.post("/incidents/views", {"name": "Cards", "query": "q=pay", "is_shared": "on"})
    assert saved["Location"] == "/incidents?q=pay"
    assert "Cards" in text(client_of(world, Role.OWNER).get("/incidents"))
    with world.scope():
        view = SavedView.objects.get()
    assert client.post(f"/incidents/views/{view.pk}/delete").status_code == 302
    assert "q=pay" not in text(client.get("/incidents"))


def test_several_at_once(world, incident):
    with world.scope():
        other = open_incident(world, title="Other")
    client = client_of(world)
    both = [incident.reference, other.reference]
    client.post("/incidents/bulk", {"do": "label", "label": "storm", "incident": both})
    client.post("/incidents/bulk", {"do": "resolve", "incident": both})
    with world.scope():
        found = list(Incident.objects.filter(pk__in=[incident.pk, other.pk]))
    assert [(one.status, one.labels) for one in found] == [("resolved", ["storm"])] * 2
    assert client.post("/incidents/bulk", {"do": "explode", "incident": both}).status_code == 400


def test_a_postmortem_of_what_was_merged_meanwhile_is_refused_on_its_page(world, incident):
    client, page = client_of(world), f"/incidents/{incident.reference}/postmortem"
    client.post(f"{page}/begin")
    with world.scope():
        target = open_incident(world, title="Target")
        incident_merge(incident_id=incident.pk, actor=world.actor, into_id=target.pk)
    refused = client.post(page, {"body": "Ours", "version": "1"})
    assert refused.status_code == 409 and "belongs to another incident" in text(refused)
