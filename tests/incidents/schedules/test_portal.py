"""The pages of on-call schedules, as a browser without scripts uses them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from incidents.models import Schedule, ScheduleLayer, ScheduleOverride, ShiftSwap
from incidents.portal.schedule_calendar import Ruler, period_of
from incidents.schedules.selectors import on_call_user_ids
from incidents.schedules.wall_clock import on_the_clock
from organizations.access import Role
from tests.factories import World
from tests.incidents.schedules.factories import add_layer, make_schedule


def browser(world: World, role: Role) -> Client:
    client = Client()
    client.force_login(world.user(role))
    return client


def text(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def schedule(world: World) -> Schedule:
    """The team lead is on call by day; at night nobody is."""
    made = make_schedule(world)
    days = [{"kind": "daily", "start": "08:00", "end": "20:00", "weekdays": []}]
    add_layer(world, made, Role.TEAM_LEAD, name="Days", restrictions=days)
    return made


# ---- The picture -----------------------------------------------------------------------------------------------


def test_a_day_of_25_hours_is_wider():
    berlin = ZoneInfo("Europe/Berlin")
    ruler = Ruler(date(2026, 10, 19), 7, berlin, datetime(2026, 10, 25, 1, tzinfo=UTC))
    widths = [float(day.width.rstrip("%")) for day in ruler.days()]
    assert widths[-1] / widths[0] == pytest.approx(25 / 24, abs=1e-3)
    assert sum(widths) == pytest.approx(100, abs=0.01)
    assert [day.is_today for day in ruler.days()] == [False] * 6 + [True]


def test_a_skipped_time_is_the_moment_of_the_jump():
    berlin = ZoneInfo("Europe/Berlin")
    assert on_the_clock(datetime(2026, 3, 29, 2, 30), berlin) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_periods():
    week = period_of("week", date(2026, 11, 21))
    assert (week.first, week.title) == (date(2026, 11, 16), "16 – 22 November 2026")
    month = period_of("month", date(2026, 11, 21))
    assert (month.first, month.weeks, month.previous, month.next) == (
        date(2026, 10, 26),
        6,
        date(2026, 10, 1),
        date(2026, 12, 1),
    )


# ---- Pages -----------------------------------------------------------------------------------------------------


def test_from_nothing_to_a_schedule(world: World):
    lead, engineer = browser(world, Role.TEAM_LEAD), str(world.members[Role.ENGINEER].user_id)
    assert "Nobody is on call" in text(lead.get("/schedules"))
    made = lead.post("/schedules/new", {"name": "Payments", "timezone": "Europe/Berlin"})
    editor = made["Location"]
    filled = {
        "name": "Nights",
        "turn_0": engineer,
        "turn_2": str(world.owner.user_id),
        "rotation": "weekly",
        "interval": "2",
        "unit": "days",
        "handover_time": "18:00",
        "handover_weekday": "friday",
        "starts_at": "2026-03-29T02:30",
        "window_0_kind": "daily:monday,tuesday,wednesday,thursday,friday",
        "window_0_start": "20:00",
        "window_0_end": "08:00",
        "window_1_kind": "weekly",
        "window_1_start_weekday": "friday",
        "window_1_start": "18:00",
        "window_1_end_weekday": "monday",
        "window_1_end": "08:00",
    }
    wrong = lead.post(editor, {**filled, "window_1_end": "", "turn_0": "", "turn_2": ""})
    assert wrong.status_code == 400
    assert "Write a time of day to the minute" in text(wrong)
    assert "Name 1 to 50 people" in text(wrong)
    preview = lead.post(editor.replace("/new", "/preview"), filled)
    assert "This layer" in preview.content.decode()
    assert lead.post(editor, filled).status_code == 302
    with world.scope():
        layer = ScheduleLayer.objects.get()
        assert [str(each) for each in layer.participants] == [engineer, str(world.owner.user_id)]
        assert layer.starts_at == datetime(2026, 3, 29, 1, tzinfo=UTC), "02:30 is skipped in that night"
        assert (layer.unit, layer.handover_weekday) == ("weeks", 4)
        assert [window["kind"] for window in layer.restrictions] == ["daily", "weekly"]
    page = f"/schedules/{layer.schedule_id}/layers/{layer.pk}"
    again = lead.get(page).content.decode()
    fields = dict(re.findall(r'<input[^>]*name="(window_\d_\w+)" value="([^"]*)"', again))
    assert fields["window_1_start"] == "18:00"
    assert '<option value="daily:monday,tuesday,wednesday,thursday,friday" selected>' in again
    shown = text(lead.get(f"/schedules/{layer.schedule_id}"))
    assert "every 2 weeks, Friday 18:00" in shown
    assert "Friday 18:00 to Monday 08:00" in shown


def test_gaps_are_shown_and_the_calendar_turns(world: World, schedule: Schedule):
    engineer = browser(world, Role.ENGINEER)
    page = engineer.get(f"/schedules/{schedule.pk}")
    assert re.search(r"3\d gaps in the next 30 days", text(page))
    assert "bar-gap" in page.content.decode()
    month = engineer.get(f"/schedules/{schedule.pk}?view=month&at=2027-03-10")
    assert "March 2027" in text(month)
    assert "override" not in text(month).lower(), "no button that would be refused"
    assert engineer.get(f"/schedules/{schedule.pk}?view=year&at=nonsense").status_code == 200


def test_an_override_and_its_undoing(world: World, schedule: Schedule):
    lead, path = browser(world, Role.TEAM_LEAD), f"/schedules/{schedule.pk}/overrides"
    form = {
        "user": str(world.owner.user_id),
        "starts_at": "2030-06-03T00:00",
        "ends_at": "2030-06-03T08:00",
        "reason": "Dentist",
    }
    refused = lead.post(path, {**form, "ends_at": "2030-06-02T08:00"})
    assert (refused.status_code, "It would end before it begins." in text(refused)) == (400, True)
    assert lead.post(path, form).status_code == 302
    with world.scope():
        override = ScheduleOverride.objects.get()
        assert override.starts_at == datetime(2030, 6, 2, 22, tzinfo=UTC), "as the clock in Berlin shows it"
        assert on_call_user_ids(schedule, override.starts_at) == (world.owner.user_id,)
    assert "Dentist" in text(lead.get(f"/schedules/{schedule.pk}?at=2030-06-03"))
    assert lead.post(f"{path}/{override.pk}/delete").status_code == 302
    with world.scope():
        assert not ScheduleOverride.objects.exists()


def test_taking_and_swapping(world: World, schedule: Schedule):
    lead, engineer = browser(world, Role.TEAM_LEAD), browser(world, Role.ENGINEER)
    zone = ZoneInfo(schedule.timezone)
    day = (timezone.now().astimezone(zone) + timedelta(days=2)).replace(hour=9, minute=0, second=0, microsecond=0)
    span = {"starts_at": f"{day:%Y-%m-%dT%H:%M}", "ends_at": f"{day + timedelta(hours=8):%Y-%m-%dT%H:%M}"}
    address = {"from": day.isoformat(), "to": (day + timedelta(hours=8)).isoformat()}
    offered = text(lead.get(f"/schedules/{schedule.pk}/shift", address))
    assert "Ask somebody to take it" in offered
    assert "Take it, or a part" not in offered
    assert "Take it, or a part" in text(engineer.get(f"/schedules/{schedule.pk}/shift", address))

    asked = str(world.members[Role.ENGINEER].user_id)
    assert lead.post(f"/schedules/{schedule.pk}/swaps", {**span, "asked": asked}).status_code == 302
    with world.scope():
        swap = ShiftSwap.objects.get()
    accept = f"/schedules/{schedule.pk}/swaps/{swap.pk}/accept"
    assert "Shifts that look for somebody" in text(engineer.get("/schedules"))
    assert accept not in lead.get("/schedules").content.decode()
    assert accept in engineer.get(f"/schedules/{schedule.pk}").content.decode()
    assert engineer.post(accept).status_code == 302
    with world.scope():
        assert on_call_user_ids(schedule, day) == (world.members[Role.ENGINEER].user_id,)
    refused = lead.post(f"/schedules/{schedule.pk}/take", {**span, "ends_at": span["starts_at"]})
    assert refused.status_code == 400
    assert lead.post(f"/schedules/{schedule.pk}/take", span).status_code == 302
    with world.scope():
        assert on_call_user_ids(schedule, day) == (world.members[Role.TEAM_LEAD].user_id,)


def test_a_calendar_address_is_shown_once(world: World, schedule: Schedule):
    auditor = browser(world, Role.AUDITOR)
    for path, shown_on in (
        (f"/schedules/{schedule.pk}/calendar", f"/schedules/{schedule.pk}"),
        ("/schedules/my-calendar", "/schedules"),
    ):
        shown = re.search(r"/v1/\S+/calendar\.ics\?token=[\w-]+", auditor.post(path).content.decode())
        assert shown and Client().get(shown[0]).status_code == 200
        assert "calendar.ics" not in auditor.get(shown_on).content.decode()


def test_moving_and_removing_layers(world: World, schedule: Schedule):
    lead = browser(world, Role.TEAM_LEAD)
    second = add_layer(world, schedule, Role.ENGINEER, name="Rest")
    path = f"/schedules/{schedule.pk}/layers/{second.pk}"
    assert lead.post(f"{path}/move", {"direction": "up"}).status_code == 302
    with world.scope():
        assert list(schedule.layers.order_by("position").values_list("name", flat=True)) == ["Rest", "Days"]
    assert lead.post(f"{path}/delete").status_code == 302
    with world.scope():
        assert list(schedule.layers.values_list("name", flat=True)) == ["Days"]
