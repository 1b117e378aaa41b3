"""``/v1/schedules``: configuration, who is on call when, and what people do with their shifts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone
from icalendar import Calendar

from incidents.schedules.selectors import get_schedule, on_call_user_ids
from organizations.access import Role
from organizations.actions.members import member_change
from tests.factories import World
from tests.incidents.conftest import Speaker
from tests.incidents.schedules.factories import RESPONDERS, add_layer, make_schedule

PATH = "/v1/schedules"


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def faults(response: Any) -> list[str]:
    assert response.status_code == 400, response.content
    return [error["field"] for error in response.json()["errors"]]


@pytest.fixture
def people(world: World) -> list[str]:
    """Owner, team lead and engineer, as user ids."""
    return [str(world.members[role].user_id) for role in RESPONDERS]


@pytest.fixture
def schedule(lead: Speaker, people: list[str]) -> dict[str, Any]:
    """Weekly, in Berlin, since a Monday; hand-over on Mondays at 09:00."""
    body = {
        "name": "Payments",
        "timezone": "Europe/Berlin",
        "layers": [
            {
                "name": "Everybody",
                "participants": people,
                "rotation": "weekly",
                "handover_time": "09:00",
                "handover_weekday": "monday",
                "starts_at": "2026-03-16T08:00:00Z",
            }
        ],
    }
    made = lead.post(PATH, body)
    assert made.status_code == 201, made.json()
    return dict(made.json())


# ---- Configuration ---------------------------------------------------------------------------------------------


def test_making_changing_and_deleting_one(lead: Speaker, schedule: dict[str, Any], people: list[str]):
    path = f"{PATH}/{schedule['id']}"
    [layer] = schedule["layers"]
    assert (layer["position"], layer["unit"], layer["interval"]) == (0, "weeks", 1)
    assert (layer["handover_time"], layer["handover_weekday"], layer["ends_at"]) == ("09:00", "monday", None)
    assert (layer["participants"], len(set(layer["participant_names"]))) == (people, 3)
    assert lead.get(PATH).json()["results"] == [schedule]

    nights = [{"kind": "daily", "start": "20:00", "end": "08:00"}]
    top = lead.post(
        f"{path}/layers",
        {"participants": people[:1], "rotation": "custom", "unit": "hours", "interval": 12, "restrictions": nights},
    )
    assert top.status_code == 201, top.json()
    top_path = f"{path}/layers/{top.json()['id']}"
    assert lead.patch(top_path, {"position": 0, "name": "Nights"}).json()["position"] == 0
    assert [each["name"] for each in lead.get(path).json()["layers"]] == ["Nights", "Everybody"]

    changed = lead.patch(path, {"name": "Money", "timezone": "America/New_York"})
    assert (changed.json()["name"], changed.json()["timezone"]) == ("Money", "America/New_York")
    assert lead.send("DELETE", top_path).status_code == 204
    assert lead.send("DELETE", path).status_code == 204
    assert lead.get(path).status_code == 404


def test_every_fault_of_a_layer_is_named(lead: Speaker, schedule: dict[str, Any], people: list[str]):
    path = f"{PATH}/{schedule['id']}/layers"
    auditor_or_nobody = str(uuid4())
    body = {
        "participants": [people[0], auditor_or_nobody],
        "rotation": "daily",
        "interval": 400,
        "starts_at": "2026-03-16T08:00:00Z",
        "ends_at": "2026-03-15T08:00:00Z",
        "restrictions": [{"kind": "daily", "start": "25:00", "end": "08:00"}],
    }
    assert faults(lead.post(path, body)) == ["participants[1]", "interval", "ends_at", "restrictions[0].start"]
    assert faults(lead.post(path, {"participants": []})) == ["participants"]
    assert faults(lead.post(path, {"participants": people, "rotatoin": "daily"})) == ["rotatoin"]
    whole = {"name": "Other", "layers": [{"participants": people}, {"participants": people, "interval": 999}]}
    assert faults(lead.post(PATH, whole)) == ["layers[1].interval"]
    assert [each["name"] for each in lead.get(PATH).json()["results"]] == ["Payments"], "all of it, or nothing"
    assert faults(lead.post(PATH, {"name": "Other", "timezone": "Europe/Atlantis"})) == ["timezone"]
    assert lead.post(PATH, {"name": "payments"}).status_code == 409


def test_an_auditor_cannot_be_on_call(lead: Speaker, world: World, schedule: dict[str, Any]):
    auditor = str(world.members[Role.AUDITOR].user_id)
    assert faults(lead.post(f"{PATH}/{schedule['id']}/layers", {"participants": [auditor]})) == ["participants[0]"]


# ---- Who is on call --------------------------------------------------------------------------------------------


def test_on_call_through_the_change_of_clocks(lead: Speaker, schedule: dict[str, Any], people: list[str]):
    """Berlin goes to summer time on 29 March 2026: the hand-over stays at 09:00, now 07:00 UTC."""
    path = f"{PATH}/{schedule['id']}"
    for at, expected in (
        ("2026-03-23T07:59:59Z", people[0]),
        ("2026-03-23T08:00:00Z", people[1]),
        ("2026-03-30T06:59:59Z", people[1]),
        ("2026-03-30T07:00:00Z", people[2]),
    ):
        answer = lead.get(f"{path}/on-call", at=at).json()
        assert [each["user"] for each in answer["on_call"]] == [expected], at
    assert answer["on_call"][0]["start"] == "2026-03-30T07:00:00Z"
    assert answer["next"]["user"] == people[0]
    span = {"from": "2026-03-23T08:00:00Z", "to": "2026-04-06T07:00:00Z"}
    shifts = lead.get(f"{path}/shifts", **span).json()["results"]
    assert [(each["start"], each["end"], each["user"]) for each in shifts] == [
        ("2026-03-23T08:00:00Z", "2026-03-30T07:00:00Z", people[1]),
        ("2026-03-30T07:00:00Z", "2026-04-06T07:00:00Z", people[2]),
    ]
    [everywhere] = lead.get("/v1/on-call", at="2026-03-30T07:00:00Z").json()["results"]
    assert everywhere == answer


def test_gaps_overrides_and_people_who_left(world: World, owner: Speaker, lead: Speaker, people: list[str]):
    schedule = make_schedule(world)
    layer = add_layer(
        world, schedule, Role.ENGINEER, restrictions=[{"kind": "daily", "start": "08:00", "end": "20:00"}]
    )
    path, day = f"{PATH}/{schedule.pk}", datetime(2030, 6, 3, tzinfo=UTC)
    override = lead.post(
        f"{path}/overrides",
        {"user": people[0], "starts_at": iso(day), "ends_at": iso(day + timedelta(hours=10)), "reason": "Dentist"},
    )
    assert override.status_code == 201, override.json()

    def shifts() -> list[tuple[str, Any, Any]]:
        found = lead.get(f"{path}/shifts", **{"from": iso(day), "to": iso(day + timedelta(days=1))}).json()["results"]
        return [(each["start"][11:16], each["user"], each["missing"]) for each in found]

    assert shifts() == [("00:00", people[0], None), ("10:00", people[2], None), ("18:00", None, None)]
    with world.scope():
        member_change(membership_id=world.members[Role.ENGINEER].pk, actor=world.actor, is_active=False)
    assert shifts() == [("00:00", people[0], None), ("10:00", None, people[2]), ("18:00", None, None)]
    assert lead.get(f"{path}/on-call", at=iso(day + timedelta(hours=12))).json()["on_call"] == []
    # Who left may stay in the rotation, but nobody like that comes in.
    assert lead.patch(f"{path}/layers/{layer.pk}", {"participants": [people[2], people[1]]}).status_code == 200
    assert lead.send("DELETE", f"{path}/overrides/{override.json()['id']}").status_code == 204
    assert shifts()[0][1] is None


def test_what_an_escalation_asks(world: World):
    schedule = make_schedule(world)
    add_layer(world, schedule, Role.TEAM_LEAD, Role.ENGINEER, starts_at=datetime(2026, 1, 5, 8, tzinfo=UTC))
    with world.scope():
        found = get_schedule(schedule.pk)
        assert on_call_user_ids(found, datetime(2026, 1, 5, 8, 0, 0, 999_999, tzinfo=UTC)) == (
            world.members[Role.TEAM_LEAD].user_id,
        )
        assert on_call_user_ids(found, datetime(2026, 1, 5, 7, 59, 59, tzinfo=UTC)) == ()


def test_bad_times_are_said(lead: Speaker, schedule: dict[str, Any]):
    path = f"{PATH}/{schedule['id']}"
    assert faults(lead.get(f"{path}/on-call", at="yesterday")) == ["at"]
    assert faults(lead.get(f"{path}/on-call", at="9999-12-31T00:00:00Z")) == ["at"]
    assert faults(lead.get(f"{path}/shifts", **{"from": "9999-12-31T00:00:00Z"})) == ["from"]
    assert faults(lead.get(f"{path}/shifts", to="0001-01-02T00:00:00Z")) == ["to"]
    far = {"user": str(uuid4()), "starts_at": "9999-12-30T00:00:00Z", "ends_at": "9999-12-31T00:00:00Z"}
    assert faults(lead.post(f"{path}/overrides", far)) == ["starts_at"]
    assert faults(lead.get(f"{path}/shifts", **{"from": "2026-01-01T00:00:00Z", "to": "2028-01-01T00:00:00Z"})) == [
        "to"
    ]
    empty = {"user": str(uuid4()), "starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-02T00:00:00Z"}
    assert faults(lead.post(f"{path}/overrides", empty)) == ["ends_at"]


# ---- Shifts in people's own hands ------------------------------------------------------------------------------


@pytest.fixture
def leads_week(world: World) -> UUID:
    """A schedule on which the team lead is always on call."""
    schedule = make_schedule(world)
    add_layer(world, schedule, Role.TEAM_LEAD)
    return schedule.pk


#: Taken once: of two calls a second apart the later would end after the shift that the earlier began.
TOMORROW = (timezone.now() + timedelta(days=1)).replace(microsecond=0)


def tomorrow(hours: int = 0) -> str:
    return iso(TOMORROW + timedelta(hours=hours))


def who(speaker: Speaker, schedule_id: UUID, at: str) -> UUID:
    [person] = speaker.get(f"{PATH}/{schedule_id}/on-call", at=at).json()["on_call"]
    return UUID(person["user"])


def test_taking_a_shift(leads_week: UUID, lead: Speaker, engineer: Speaker):
    path = f"{PATH}/{leads_week}/take"
    body = {"starts_at": iso(timezone.now() - timedelta(days=3)), "ends_at": tomorrow(8)}
    taken = engineer.post(path, body)
    assert taken.status_code == 201, taken.json()
    assert taken.json()["origin"] == "taken"
    assert taken.json()["starts_at"] > body["starts_at"], "what is over stays as it was"
    assert who(lead, leads_week, tomorrow(7)) == engineer.user.pk
    assert who(lead, leads_week, tomorrow(8)) == lead.user.pk
    assert engineer.post(path, body).status_code == 409, "it is theirs already"
    assert faults(engineer.post(path, {**body, "ends_at": "2026-01-01T00:00:00Z"})) == ["ends_at"]


def test_a_swap_is_asked_for_and_accepted(leads_week: UUID, world: World, lead: Speaker, engineer: Speaker):
    path = f"{PATH}/{leads_week}"
    engineer.post(f"{path}/take", {"starts_at": tomorrow(48), "ends_at": tomorrow(56)})
    ask = {
        "starts_at": tomorrow(),
        "ends_at": tomorrow(8),
        "asked": str(engineer.user.pk),
        "return_starts_at": tomorrow(48),
        "return_ends_at": tomorrow(56),
    }
    assert engineer.post(f"{path}/swaps", {**ask, "asked": None}).status_code == 400
    assert engineer.post(f"{path}/swaps", {**ask, "asked": str(lead.user.pk)}).status_code == 409, "not their shift"
    swap = lead.post(f"{path}/swaps", ask)
    assert swap.status_code == 201, swap.json()
    swap_path = f"{path}/swaps/{swap.json()['id']}"
    assert who(lead, leads_week, tomorrow()) == lead.user.pk, "asking changes nothing"
    [asked] = engineer.get("/v1/notifications").json()["results"]
    assert asked["title"].endswith("asks you to take a shift on Payments")
    assert asked["path"] == f"/schedules/{leads_week}"
    assert lead.post(f"{swap_path}/accept").status_code == 409
    assert Speaker(world, Role.OWNER).post(f"{swap_path}/accept").status_code == 409
    accepted = engineer.post(f"{swap_path}/accept")
    assert (accepted.status_code, accepted.json()["state"]) == (200, "accepted")
    assert lead.get("/v1/notifications").json()["results"][0]["title"].endswith("takes your shift on Payments")
    assert who(lead, leads_week, tomorrow(7)) == engineer.user.pk
    assert who(lead, leads_week, tomorrow(55)) == lead.user.pk
    assert engineer.post(f"{swap_path}/accept").status_code == 409, "once"
    assert lead.send("DELETE", swap_path).status_code == 409


def test_a_swap_that_the_schedule_has_overtaken(leads_week: UUID, owner: Speaker, lead: Speaker, engineer: Speaker):
    path = f"{PATH}/{leads_week}"
    swap = lead.post(f"{path}/swaps", {"starts_at": tomorrow(), "ends_at": tomorrow(8)}).json()
    owner.post(f"{path}/take", {"starts_at": tomorrow(4), "ends_at": tomorrow(5)})
    assert engineer.post(f"{path}/swaps/{swap['id']}/accept").status_code == 409
    assert engineer.post(f"{path}/swaps/{swap['id']}/decline").status_code == 409, "nobody was asked by name"
    assert lead.send("DELETE", f"{path}/swaps/{swap['id']}").status_code == 204
    assert lead.get(f"{path}/swaps/{swap['id']}").json()["state"] == "withdrawn"


def test_the_audit_log_says_it_in_words(schedule: dict[str, Any], people: list[str], lead: Speaker, owner: Speaker):
    path = f"{PATH}/{schedule['id']}"
    lead.patch(f"{path}/layers/{schedule['layers'][0]['id']}", {"participants": people[1:]})
    lead.post(f"{path}/overrides", {"user": people[0], "starts_at": tomorrow(), "ends_at": tomorrow(1)})
    said = [entry["message"] for entry in owner.get("/v1/audit").json()["results"]]
    names = schedule["layers"][0]["participant_names"]
    who_takes_turns = f"who takes turns is now {names[1]}, {names[2]}"
    assert any(message.endswith(f"changed the layer “Everybody” of “Payments”: {who_takes_turns}") for message in said)
    assert any(f"put {names[0]} on call from {tomorrow()[:10]}" in message for message in said)
    assert not any("incidents schedule" in message for message in said), "every table has sentences of its own"


# ---- Calendars -------------------------------------------------------------------------------------------------


def test_a_calendar_feed_and_its_token(schedule: dict[str, Any], world: World, engineer: Speaker, lead: Speaker):
    path = f"{PATH}/{schedule['id']}"
    issued = engineer.post(f"{path}/calendar-token").json()
    address = issued["url"].partition("/v1/")[2]
    answer = Client().get(f"/v1/{address}", headers={"Accept": "text/calendar"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    events = list(Calendar.from_ical(answer.content).walk("VEVENT"))
    now = timezone.now()
    current = [event for event in events if event.start <= now < event.end]
    [person] = engineer.get(f"{path}/on-call").json()["on_call"]
    assert [str(event["SUMMARY"]) for event in current] == [f"{person['name']}: Payments"]
    assert len({event["UID"] for event in events}) == len(events) > 20

    for wrong in (f"{path}/calendar.ics?token=x", f"/v1/me/calendar.ics?token={'x' * 43}"):
        assert Client().get(wrong).status_code == 401
    other = lead.post(PATH, {"name": "Other"}).json()["id"]
    assert Client().get(f"{PATH}/{other}/calendar.ics?token={issued['token']}").status_code == 404
    assert Client().get(f"{path}/shifts?token={issued['token']}").status_code == 401, "it opens nothing else"

    again = engineer.post(f"{path}/calendar-token").json()
    assert Client().get(f"/v1/{address}").status_code == 401, "the old one is dead"
    assert Client().get(f"{path}/calendar.ics?token={again['token']}").status_code == 200
    with world.scope():
        member_change(membership_id=world.members[Role.ENGINEER].pk, actor=world.actor, is_active=False)
    assert Client().get(f"{path}/calendar.ics?token={again['token']}").status_code == 401


def test_a_persons_own_calendar(schedule: dict[str, Any], engineer: Speaker, lead: Speaker):
    issued = engineer.post("/v1/me/calendar-token").json()
    own = Calendar.from_ical(Client().get(f"/v1/me/calendar.ics?token={issued['token']}").content)
    everybody = Calendar.from_ical(lead.get(f"{PATH}/{schedule['id']}/calendar.ics").content)
    assert {str(event["SUMMARY"]) for event in own.walk("VEVENT")} == {"On call: Payments"}
    mine = [e for e in everybody.walk("VEVENT") if str(e["SUMMARY"]).startswith(str(engineer.user))]
    assert [(e.start, e.end) for e in own.walk("VEVENT")] == [(e.start, e.end) for e in mine]
    assert engineer.send("DELETE", "/v1/me/calendar-token").status_code == 204
    assert Client().get(f"/v1/me/calendar.ics?token={issued['token']}").status_code == 401
