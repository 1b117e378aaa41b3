"""Silences: nobody is paged while they are in force, nothing else stops, and their end pages."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connections

from detection.actions.silence_apply import silence_apply
from detection.actions.silences import silence_create, silence_end, silence_update
from detection.models import Mute, Silence, SilenceKind
from detection.silences.matching import Facts, Matchers
from detection.silences.times import Recurrence, Times
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_change_status import incident_change_status
from incidents.actions.incident_escalate import incident_escalate
from incidents.actions.incident_update import incident_update
from incidents.lifecycle import Severity, Status
from incidents.models import Decision, Escalation, Incident, SlaClock
from incidents.models.timeline import TimelineEvent
from notifications.models import Delivery, Notification
from organizations.access import Role
from tests.detection.sweeping import sweep_silences
from tests.factories import World, make_world
from tests.incidents.conftest import Speaker
from tests.incidents.escalation.factories import make_policy
from tests.incidents.factories import open_incident

HOUR = timedelta(hours=1)


@pytest.fixture
def world(db: None) -> World:
    return make_world(roles=(Role.OWNER, Role.ENGINEER))


def make(world: World, **fields: Any) -> Silence:
    fields = {"reason": "Upgrade", "ends_at": datetime.now(UTC) + HOUR, "matchers": {"title": "disk"}} | fields
    return silence_create(actor=world.actor, kind=SilenceKind.SILENCE, fields=fields)


def kinds(incident: Incident) -> list[str]:
    rows = TimelineEvent.objects.filter(incident=incident, kind__in=["opened", "muted", "unmuted", "escalated"])
    return list(rows.order_by("sequence").values_list("kind", flat=True))


def told(incident: Incident) -> list[str]:
    """What the engineer's inbox and anybody's contacts have of the incident."""
    lines = Notification.objects.filter(incident=incident).exclude(user=incident.opened_by)
    pages = Delivery.objects.filter(incident=incident, next_attempt_at__lte=datetime.now(UTC))
    return [*lines.values_list("topic", flat=True), *(f"page: {each.topic}" for each in pages)]


def test_an_incident_opens_muted_and_the_end_of_the_silence_tells_of_it(world: World):
    with world.scope():
        silence = make(world)
        other = open_incident(world, title="Payments fail")
        incident = open_incident(world, title="Disk full")
        assert incident.muted_until == silence.ends_at
        assert kinds(incident) == ["opened", "muted"] and told(incident) == []
        assert "opened" in told(other) and kinds(other) == ["opened"]
        assert SlaClock.objects.filter(incident=incident).exists()  # The promise runs on.
        reasons = dict(Decision.objects.filter(stage="silence").values_list("incident_id", "reason"))
        assert "fits the silence “Upgrade”" in reasons[incident.pk]
        assert "lacks “disk”" in reasons[other.pk]
        Silence.objects.update(ends_at=datetime.now(UTC), next_change_at=datetime.now(UTC))
    sweep_silences()
    sweep_silences()
    with world.scope():
        incident.refresh_from_db()
        assert incident.muted_until is None and kinds(incident) == ["opened", "muted", "unmuted"]
        assert told(incident).count("opened") == 1
        assert Mute.objects.get().ended_at is not None
        digest = Notification.objects.get(incident=None)
        assert digest.title == "“Upgrade” is over: it muted 1 incident, and nobody has it yet"
        assert incident.reference in digest.body
        assert Silence.objects.get().next_change_at is None


def test_an_escalation_waits_for_the_silence_and_runs_when_a_person_ends_it(world: World):
    make_policy(world, [(0, [world.user(Role.ENGINEER).pk])])
    with world.scope():
        silence = make(world)
        incident = open_incident(world, title="Disk full")
        held = Escalation.objects.get()
        assert held.next_due_at == silence.ends_at and "escalated" not in kinds(incident)
        shorter = silence_update(
            silence_id=silence.pk,
            actor=world.actor,
            kind=SilenceKind.SILENCE,
            changes={"ends_at": silence.ends_at - HOUR / 2},
        )
        held.refresh_from_db()
        assert held.next_due_at == shorter.ends_at
        silence_end(silence_id=silence.pk, actor=world.actor, kind=SilenceKind.SILENCE)
        held.refresh_from_db()
        assert held.next_due_at is not None and held.next_due_at <= datetime.now(UTC)


def test_open_incidents_follow_and_those_that_somebody_has_are_left_alone(world: World):
    with world.scope():
        waiting, taken = open_incident(world, title="Disk one"), open_incident(world, title="Disk two")
        incident_acknowledge(incident_id=taken.pk, actor=world.actor)
        silence = make(world, starts_at=datetime.now(UTC) + HOUR / 2)
        waiting.refresh_from_db()
        assert waiting.muted_until is None  # It has not begun.
        Silence.objects.update(starts_at=datetime.now(UTC), next_change_at=datetime.now(UTC))
    sweep_silences()
    with world.scope():
        waiting.refresh_from_db()
        taken.refresh_from_db()
        assert (waiting.muted_until, taken.muted_until) == (silence.ends_at, None)
        longer = make(world, ends_at=silence.ends_at + HOUR, matchers={"severities": ["high"]})
        waiting.refresh_from_db()
        assert waiting.muted_until == longer.ends_at
        silence_end(silence_id=silence.pk, actor=world.actor, kind=SilenceKind.SILENCE)
        waiting.refresh_from_db()
        assert waiting.muted_until == longer.ends_at  # The other one still holds it.
        incident_update(incident_id=waiting.pk, actor=world.actor, changes={"severity": Severity.CRITICAL})
        waiting.refresh_from_db()
        assert waiting.muted_until is None  # It got worse than what the silence is for.


def test_resolving_works_while_muted_and_its_end_is_quiet(world: World):
    with world.scope():
        silence = make(world)
        incident = open_incident(world, title="Disk full")
        incident_change_status(incident_id=incident.pk, actor=world.actor, status=Status.RESOLVED)
        silence_end(silence_id=silence.pk, actor=world.actor, kind=SilenceKind.SILENCE)
        incident.refresh_from_db()
        assert (incident.status, incident.muted_until) == ("resolved", None)
        assert "unmuted" not in kinds(incident) and "opened" not in told(incident)


def test_a_silence_made_while_an_incident_opens_mutes_it(committed_database: str):
    """The opener read the silences before this one was there, and commits after it was carried out."""
    world = make_world(roles=(Role.OWNER,))
    opened, may_commit = threading.Event(), threading.Event()

    def open_slowly() -> None:
        from django.db import transaction

        try:
            with world.scope(), transaction.atomic():
                open_incident(world, title="Disk full")
                opened.set()
                may_commit.wait(10)
        finally:
            connections.close_all()

    opener = threading.Thread(target=open_slowly)
    opener.start()
    assert opened.wait(10)
    with world.scope():
        made = Silence.objects.create(
            kind=SilenceKind.SILENCE,
            reason="Upgrade",
            owner=world.owner.user,
            matchers={"title": "disk"},
            starts_at=datetime.now(UTC),
            ends_at=datetime.now(UTC) + HOUR,
            next_change_at=datetime.now(UTC),
        )
        assert silence_apply(silence_id=made.pk) is False  # It stays due while the opener is at work.
        assert Silence.objects.get().next_change_at == made.next_change_at
    may_commit.set()
    opener.join(10)
    sweep_silences()
    with world.scope():
        assert Incident.objects.get().muted_until == made.ends_at


def test_alert_labels_are_known_before_the_alert_is_stored(world: World):
    from detection.actions.receive_alerts import receive_alerts
    from ingestion.parsers.alerts.signal import Signal, Step

    def fire(instance: str) -> None:
        labels = {"job": "backup", "instance": instance}
        signal = Signal(
            source="generic", step=Step.TRIGGER, problem="backup", fingerprint=instance, title=f"{instance} fails",
            labels=labels,
        )  # fmt: skip
        receive_alerts(actor=world.actor, signals=[signal])

    with world.scope():
        make(world, matchers={"alert_labels": {"job": "backup", "instance": "db1"}})
        fire("db1")
        incident = Incident.objects.get()
        assert incident.muted_until is not None
        fire("db2")  # Not silenced, and of the same problem: somebody has to know.
        incident.refresh_from_db()
        assert incident.muted_until is None


def test_an_alert_that_does_not_fit_is_heard_however_many_there_are(world: World):
    from detection.actions.receive_alerts import receive_alerts
    from ingestion.parsers.alerts.signal import Signal, Step

    def say(step: Step, *instances: str, job: str = "backup") -> None:
        signals = [
            Signal(
                source="generic", step=step, problem="backup", fingerprint=instance, title=f"{instance} fails",
                labels={"job": job},
            )
            for instance in instances
        ]  # fmt: skip
        receive_alerts(actor=world.actor, signals=signals)

    with world.scope():
        say(Step.TRIGGER, "web", job="shop")
        say(Step.TRIGGER, *(f"db{number}" for number in range(12)))
        say(Step.RESOLVE, "web")
        make(world, matchers={"alert_labels": {"job": "backup"}})
        incident = Incident.objects.get()
        assert incident.muted_until is not None
        say(Step.TRIGGER, "web", job="shop")  # It fires again, which the timeline does not tell.
        incident.refresh_from_db()
        assert incident.muted_until is None


def test_a_preview_by_alert_labels_sees_what_is_over_by_now(world: World):
    from detection.actions.receive_alerts import receive_alerts
    from ingestion.parsers.alerts.signal import Signal, Step

    with world.scope():
        for step in (Step.TRIGGER, Step.RESOLVE):
            signals = [Signal("generic", name, name, step, title=name, labels={"job": name}) for name in ("a", "b")]
            receive_alerts(actor=world.actor, signals=signals)
        assert set(Incident.objects.values_list("status", flat=True)) == {Status.RESOLVED}
    found = Speaker(world, Role.OWNER).post("/v1/silences/preview", {"matchers": {"alert_labels": {"job": "a"}}})
    assert [each["title"] for each in found.json()["incidents"]["examples"]] == ["a"]


def test_a_maintenance_window_holds_back_the_storm_that_it_makes(world: World):
    from detection.actions.receive_alerts import receive_alerts
    from detection.models import AlertMapping
    from ingestion.parsers.alerts.signal import Signal, Step

    def fire(service: str, *names: str) -> None:
        signals = [Signal("generic", name, name, Step.TRIGGER, title=name, service=service) for name in names]
        receive_alerts(actor=world.actor, signals=signals)

    upgraded = world.service("db")
    with world.scope():
        AlertMapping.objects.create(storm_problems=2)
        make(world, matchers={"services": [upgraded.public_id]})
        fire("db", "a", "b", "c")
        fire("db", "d")
        storm = Incident.objects.get(dedup_key="alert:storm")
        assert storm.muted_until is not None and not told(storm)
        fire("shop", "e")  # Nobody expects this one.
        storm.refresh_from_db()
        assert storm.muted_until is None and told(storm)


def test_a_person_who_escalates_what_is_muted_is_heard(world: World):
    policy = make_policy(world, [(0, [world.user(Role.ENGINEER).pk]), (5, [world.user(Role.OWNER).pk])])
    with world.scope():
        make(world)
        incident = open_incident(world, title="Disk full")
        assert "escalated" not in kinds(incident)
        incident_escalate(incident_id=incident.pk, actor=world.actor, reason="It is real.", policy_id=policy.pk)
        assert kinds(incident).count("escalated") == 1  # The steps behind it wait as ever.


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        ("2026-03-28T23:30+01:00", "2026-03-29T03:30+02:00"),  # The night that has no 02:30.
        ("2026-10-24T23:30+02:00", "2026-10-25T03:30+01:00"),  # The night that has it twice.
        ("2026-11-02T23:30+01:00", None),  # A Monday.
    ],
)
def test_hours_recur_by_the_clock_on_the_wall(moment: str, until: str | None):
    weekend = Recurrence.from_data({"days": ["saturday"], "from": "23:00", "until": "03:30"})
    times = Times(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC), weekend, BERLIN)
    interval = times.interval_at(datetime.fromisoformat(moment))
    assert (interval and interval[1]) == (datetime.fromisoformat(until) if until else None)
    assert times.next_change(datetime(2026, 12, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("matchers", "fits"),
    [
        ({"title": "FULL disk"}, True),
        ({"title": "disk empty"}, False),
        ({"environments": ["Production"], "severities": ["high", "low"]}, True),
        ({"labels": ["customer:acme", "payment"]}, False),
        ({"dedup_key": "alert:*"}, True),
        ({"dedup_key": "alert:"}, False),
        ({"alert_labels": {"job": "a"}}, False),
    ],
)
def test_everything_that_is_asked_for_has_to_fit(matchers: dict[str, Any], fits: bool):
    facts = Facts(
        title="Disk is full", severity="high", environment="production", labels=frozenset({"payment"}),
        dedup_key="alert:9f", alerts=({"job": "a"}, {"job": "b"}),
    )  # fmt: skip
    assert (Matchers.from_data(matchers).mismatch(facts) == "") is fits


def test_the_api_makes_previews_and_ends(world: World):
    lead = Speaker(world, Role.OWNER)
    service = world.service("db")
    with world.scope():
        open_incident(world, title="Slow queries", service=service)
        open_incident(world, title="Something else")
    body = {"services": [str(service.public_id)]}
    seen = lead.post("/v1/maintenance-windows/preview", body).json()
    assert (seen["incidents"]["count"], seen["open_now"], seen["alerts"]["count"]) == (1, 1, 0)
    assert seen["incidents"]["examples"][0]["title"] == "Slow queries"
    ends_at = (datetime.now(UTC) + HOUR).isoformat()
    made = lead.post("/v1/maintenance-windows", {**body, "reason": "Upgrade", "ends_at": ends_at})
    assert made.status_code == 201, made.json()
    window = made.json()
    assert (window["state"], window["muted_count"], window["remarks"]) == ("active", 1, ["ends_soon"])
    assert lead.get(f"/v1/silences/{window['id']}").status_code == 404
    ended = lead.post(f"/v1/maintenance-windows/{window['id']}/end")
    assert ended.json()["state"] == "over"
    assert lead.post(f"/v1/maintenance-windows/{window['id']}/end").status_code == 409
    recurring = {
        "reason": "Nights", "matchers": {"environments": ["staging"]}, "time_zone": "Europe/Berlin",
        "ends_at": (datetime.now(UTC) + timedelta(days=90)).isoformat(),
        "recurrence": {"from": "22:00", "until": "06:00"},
    }  # fmt: skip
    nights = lead.post("/v1/silences", recurring)
    assert nights.status_code == 201, nights.json()
    assert nights.json()["recurrence"] == {"days": [], "from": "22:00", "until": "06:00"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"matchers": {}}, "matchers"),
        ({"matchers": {"dedup_key": "*"}}, "matchers.dedup_key"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, "ends_at"),
        ({"ends_at": "2999-01-01T00:00:00Z"}, "ends_at"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"recurrence": {"from": "22:00", "until": "22:00"}}, "recurrence"),
        ({"reason": " "}, "reason"),
    ],
)
def test_what_is_wrong_is_named(world: World, changes: dict[str, Any], field: str):
    body = {
        "reason": "x",
        "matchers": {"title": "disk"},
        "ends_at": (datetime.now(UTC) + HOUR).isoformat(),
    }
    refused = Speaker(world, Role.OWNER).post("/v1/silences", body | changes)
    assert refused.status_code == 400
    assert [error["field"] for error in refused.json()["errors"]] == [field]
