"""Working together on an incident: what people keep around it, and who is told of it."""

from __future__ import annotations

import pytest

from audit.models import AuditAccess
from incidents.actions.incident_label import incident_label
from incidents.actions.incident_merge import incident_merge
from incidents.models import EventKind, Follower, Incident
from incidents.selectors import problem_state, timeline
from notifications.models import Notification
from organizations.access import Role
from tests.factories import make_world
from tests.incidents.factories import open_incident


def opened(world, **options):
    with world.scope():
        return open_incident(world, **options)


def kinds(world, incident):
    with world.scope():
        return [event.kind for event in timeline(incident)]


class TestLabels:
    def test_are_set_filtered_by_and_told(self, world, engineer):
        incident = opened(world)
        opened(world, title="Other")
        path = f"/v1/incidents/{incident.reference}"
        labels = ["payment", " customer:acme ", "payment"]
        assert engineer.patch(path, {"labels": labels}).json()["labels"] == ["customer:acme", "payment"]
        found = engineer.get("/v1/incidents", label="payment,customer:acme").json()["results"]
        assert [one["number"] for one in found] == [incident.number]
        assert engineer.get("/v1/incidents", label="payment,other").json()["results"] == []
        event = engineer.get(f"{path}/events").json()["results"][-1]
        assert (event["kind"], event["data"]) == (
            "labels_changed",
            {"added": ["customer:acme", "payment"], "removed": []},
        )

    @pytest.mark.parametrize("labels", [["a,b"], [""], ["x" * 61], [str(number) for number in range(21)]])
    def test_that_cannot_be_are_refused(self, world, engineer, labels):
        incident = opened(world)
        assert engineer.patch(f"/v1/incidents/{incident.reference}", {"labels": labels}).status_code == 400

    def test_the_same_again_is_no_change(self, world):
        with world.scope():
            incident = open_incident(world)
            incident_label(incident_id=incident.pk, actor=world.actor, labels=["a"])
            incident_label(incident_id=incident.pk, actor=world.actor, add=["a"])
        assert kinds(world, incident).count(EventKind.LABELS_CHANGED) == 1


class TestFollowing:
    def test_who_follows_is_told(self, world, owner, lead):
        incident = opened(world, actor=world.actor)
        path = f"/v1/incidents/{incident.reference}/followers"
        assert [one["user"] for one in lead.post(path).json()] == [str(lead.user.pk)]
        lead.post(path)
        owner.post(f"/v1/incidents/{incident.reference}/notes", {"body": "Found it"})
        with world.scope(Role.TEAM_LEAD):
            assert Notification.objects.filter(user=lead.user, topic="note").count() == 1
        assert lead.send("DELETE", path).status_code == 204
        owner.post(f"/v1/incidents/{incident.reference}/notes", {"body": "Fixed it"})
        with world.scope(Role.TEAM_LEAD):
            assert Notification.objects.filter(user=lead.user, topic="note").count() == 1

    def test_whoever_a_note_mentions_follows(self, world, owner, lead, engineer):
        incident = opened(world)
        handle = engineer.user.email.partition("@")[0]
        body = f"@{handle} and @{lead.user.email}, see mail@{handle} and @nobody.at.all."
        note = owner.post(f"/v1/incidents/{incident.reference}/notes", {"body": body}).json()
        assert set(note["data"]["mentions"]) == {str(engineer.user.pk), str(lead.user.pk)}
        with world.scope():
            assert Follower.objects.filter(incident=incident).count() == 2
            assert Notification.objects.filter(user=engineer.user, topic="note").exists()

    def test_a_person_of_another_organization_cannot_be_mentioned(self, world, owner):
        other = make_world()
        incident = opened(world)
        body = f"@{other.owner.user.email}"
        note = owner.post(f"/v1/incidents/{incident.reference}/notes", {"body": body}).json()
        assert "mentions" not in note["data"]

    def test_followers_go_along_with_a_merge(self, world, lead):
        source, target = opened(world), opened(world, title="Target")
        lead.post(f"/v1/incidents/{source.reference}/followers")
        with world.scope():
            incident_merge(incident_id=source.pk, actor=world.actor, into_id=target.pk)
            assert Follower.objects.filter(incident=target, user=lead.user).exists()


class TestUnmerging:
    def test_gives_the_incident_back_its_own_life(self, world, lead):
        source, target = opened(world, key="db down"), opened(world, title="Target")
        with world.scope():
            incident_merge(incident_id=source.pk, actor=world.actor, into_id=target.pk)
            assert problem_state("db down").holder == target
        answer = lead.post(f"/v1/incidents/{source.reference}/unmerge")
        assert (answer.status_code, answer.json()["merged_into"]) == (200, None)
        with world.scope():
            assert problem_state("db down").holder == source
            assert Incident.objects.get(pk=target.pk).occurrence_count == 1
        assert EventKind.UNMERGED in kinds(world, source)
        assert EventKind.UNMERGED in kinds(world, target)
        assert answer.json()["sla"]["response"]["state"] == "running"
        assert lead.post(f"/v1/incidents/{source.reference}/unmerge").status_code == 409

    def test_is_refused_while_another_incident_is_open_for_the_problem(self, world, lead):
        source, target = opened(world, key="db down"), opened(world, title="Target")
        with world.scope():
            incident_merge(incident_id=source.pk, actor=world.actor, into_id=target.pk)
        lead.send("PATCH", f"/v1/incidents/{target.reference}/status", {"status": "resolved"})
        newer = opened(world, key="db down", title="Again")
        refused = lead.post(f"/v1/incidents/{source.reference}/unmerge")
        assert refused.status_code == 409
        assert newer.reference in refused.json()["detail"]


class TestLinks:
    def test_are_seen_from_both_sides(self, world, engineer):
        cause, effect = opened(world, title="Database"), opened(world, title="Shop")
        path = f"/v1/incidents/{effect.reference}/links"
        body = {"incident": cause.reference, "kind": "caused_by"}
        assert engineer.post(path, body).status_code == 201
        (link,) = engineer.get(f"/v1/incidents/{cause.reference}/links").json()
        assert (link["reference"], link["words"]) == (effect.reference, "caused")
        assert engineer.post(path, body).status_code == 409
        assert engineer.post(path, {"incident": effect.reference}).status_code == 400
        assert engineer.send("DELETE", f"/v1/incidents/{cause.reference}/links/{link['id']}").status_code == 204
        assert engineer.get(path).json() == []
        assert kinds(world, cause)[-2:] == [EventKind.LINKED, EventKind.UNLINKED]

    def test_a_reporter_does_not_learn_of_incidents_that_they_do_not_see(self, world, engineer, reporter):
        mine = reporter.post("/v1/incidents", {"title": "Mine", "severity": "low"}).json()
        hidden = opened(world, title="Hidden")
        engineer.post(f"/v1/incidents/{mine['reference']}/links", {"incident": hidden.reference})
        assert reporter.get(f"/v1/incidents/{mine['reference']}/links").json() == []


class TestTasks:
    def test_are_added_done_and_told(self, world, engineer):
        incident = opened(world)
        path = f"/v1/incidents/{incident.reference}/tasks"
        assert engineer.post(path, {"title": " "}).status_code == 400
        task = engineer.post(path, {"title": "Add an alert", "due_on": "2026-12-01", "assignee": str(engineer.user.pk)})
        assert task.status_code == 201, task.content
        done = engineer.patch(f"{path}/{task.json()['id']}", {"done": True}).json()
        assert done["done_by"] == str(engineer.user.pk)
        assert engineer.patch(f"{path}/{task.json()['id']}", {"done": True}).json()["done_at"] == done["done_at"]
        assert kinds(world, incident)[-2:] == [EventKind.TASK_ADDED, EventKind.TASK_CHANGED]

    def test_belong_to_their_incident(self, world, engineer):
        one, other = opened(world), opened(world, title="Other")
        task = engineer.post(f"/v1/incidents/{one.reference}/tasks", {"title": "Look"}).json()
        assert engineer.patch(f"/v1/incidents/{other.reference}/tasks/{task['id']}", {"done": True}).status_code == 404


class TestPostmortem:
    def test_is_drafted_edited_published_and_exported(self, world, engineer):
        incident = opened(world, title="Shop | down")
        engineer.post(f"/v1/incidents/{incident.reference}/notes", {"body": "Rolled back\nthe deploy"})
        engineer.send("PATCH", f"/v1/incidents/{incident.reference}/status", {"status": "resolved"})
        path = f"/v1/incidents/{incident.reference}/postmortem"
        assert engineer.get(path).status_code == 404
        draft = engineer.post(path)
        assert draft.status_code == 201
        assert "Rolled back the deploy" in draft.json()["body"]
        assert engineer.post(path).status_code == 409
        edited = engineer.patch(path, {"body": "# We\n\n- **learnt** `a` lot", "version": 1}).json()
        assert edited["version"] == 2
        stale = engineer.patch(path, {"body": "mine", "version": 1})
        assert (stale.status_code, stale.json()["current"]) == (409, edited["body"])
        assert engineer.post(f"{path}/publish").json()["published_by"] == str(engineer.user.pk)
        assert engineer.post(f"{path}/publish").status_code == 409
        text = engineer.get(f"{path}/export").content.decode()
        assert text.startswith(f"# {incident.reference} Shop | down")
        printed = engineer.get(f"{path}/export", **{"as": "pdf"})
        assert printed.content.startswith(b"%PDF-")
        assert f"{incident.reference}-postmortem.pdf" in printed["Content-Disposition"]
        assert engineer.get(f"{path}/export", **{"as": "docx"}).status_code == 400
        with world.scope():
            taken = AuditAccess.objects.filter(kind="exported").values_list("subject", flat=True)
            assert list(taken) == [f"the postmortem of {incident.reference}"] * 2
        assert kinds(world, incident)[-1] == EventKind.POSTMORTEM_PUBLISHED


class TestSavedViews:
    def test_are_ones_own_or_shared(self, world, engineer, lead):
        own = {"name": "Payments", "query": "label=payment&cursor=abc"}
        assert engineer.post("/v1/incident-views", own).json()["query"] == "label=payment"
        shared = engineer.post("/v1/incident-views", {"name": "Night", "query": "severity=critical", "is_shared": True})
        assert [one["name"] for one in lead.get("/v1/incident-views").json()["results"]] == ["Night"]
        engineer.post("/v1/incident-views", {**own, "query": "q=card"})
        assert [one["query"] for one in engineer.get("/v1/incident-views").json()["results"]] == [
            "severity=critical",
            "q=card",
        ]
        assert engineer.post("/v1/incident-views", {"name": "Empty", "query": "page=2"}).status_code == 400
        assert lead.send("DELETE", f"/v1/incident-views/{shared.json()['id']}").status_code == 204

    def test_a_shared_view_of_somebody_else_is_not_an_engineers_to_delete(self, world, engineer, lead):
        view = lead.post("/v1/incident-views", {"name": "Night", "query": "q=a", "is_shared": True}).json()
        assert engineer.send("DELETE", f"/v1/incident-views/{view['id']}").status_code == 409
