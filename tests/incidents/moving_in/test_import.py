"""Moving in: what the other system would have said is what this one says, and a dry run changes nothing."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command

from incidents.models import EscalationPolicy, Schedule
from incidents.moving_in.neutral import at_the_turn
from incidents.moving_in.reading import read_export
from incidents.schedules.rotation import Unit
from incidents.schedules.selectors import on_call_user_ids
from organizations.access import Role
from organizations.models import Membership
from tests.factories import World
from tests.incidents.moving_in import exports


def run(system: str, path: Path, world: World, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    owner = world.owner.user.email
    call_command("import_oncall", str(path), "--from", system, "--owner", owner, *options)
    return capsys.readouterr().out


def names(schedule: Schedule, *moments: str) -> list[str]:
    """Who is on call at moments of the schedule's own clock."""
    zone, found = ZoneInfo(schedule.timezone), []
    for text in moments:
        users = on_call_user_ids(schedule, datetime.fromisoformat(text).replace(tzinfo=zone))
        found += [str(Membership.objects.get(user=user_id).user) for user_id in users] or ["nobody"]
    return found


def steps(policy: EscalationPolicy) -> list[tuple[int, list[str]]]:
    return [(step["delay_minutes"], [target["type"] for target in step["targets"]]) for step in policy.steps]


@pytest.fixture(params=["pagerduty", "opsgenie", "grafana"])
def system(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def export(system: str, world: World, tmp_path: Path) -> Path:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(getattr(exports, system)(world.owner.user.email)))
    return path


def test_a_dry_run_changes_nothing_and_twice_is_once(
    system: str, export: Path, world: World, capsys: pytest.CaptureFixture[str]
):
    with world.scope():
        before = Membership.objects.count()
    said = run(system, export, world, capsys)
    assert "Nothing was changed." in said
    assert "Ada (ada@example.com), as engineer" in said
    with world.scope():
        assert (Schedule.objects.count(), EscalationPolicy.objects.count()) == (0, 0)
        assert Membership.objects.count() == before
    assert run(system, export, world, capsys, "--apply").replace("\n\n", "\n") in said.replace("Nothing", "\nNothing")
    again = run(system, export, world, capsys, "--apply")
    assert again.startswith("Made: 0\n")
    assert "the schedule “Payments” is here" in again
    with world.scope():
        assert Membership.objects.count() == before + 2


def test_who_is_on_call_after_pagerduty(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(exports.pagerduty(world.owner.user.email)))
    said = run("pagerduty", path, world, capsys, "--apply")
    assert "layer “Old”: it has ended" in said
    assert "layer “Week”: 1 of its people are not here" in said
    assert "step 2: the user PGONE is not here" in said
    owner = str(world.owner.user)
    with world.scope():
        schedule = Schedule.objects.get(name="Payments")
        assert (schedule.timezone, schedule.description) == ("Europe/Berlin", "Cards and transfers")
        # Bob's turn was under way when the layer began; PGONE's are not taken over.
        assert names(schedule, "2026-01-14T12:00", "2026-01-19T09:00") == ["Bob", "Ada"]
        # The weekend's layer has priority, until Monday 08:00.
        assert names(schedule, "2026-01-16T17:59", "2026-01-16T18:00", "2026-01-19T07:59") == ["Bob", owner, owner]
        assert names(schedule, "2030-06-03T12:00") == ["Bob"]
        policy = EscalationPolicy.objects.get()
        assert steps(policy) == [(0, ["schedule"]), (10, ["user"])]
        assert (policy.repeat_count, policy.repeat_delay_minutes) == (2, 20)


def test_who_is_on_call_after_opsgenie(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    archive = tmp_path / "backup.zip"
    with zipfile.ZipFile(archive, "w") as written:  # As the configuration backup lays it out: a file for each.
        for folder, found in exports.opsgenie(world.owner.user.email).items():
            for number, one in enumerate(found["data"] if isinstance(found, dict) else found):
                written.writestr(f"{folder}/{number}.json", json.dumps(one))
    said = run("opsgenie", archive, world, capsys, "--apply")
    assert "a turn of a escalation" in said
    assert "several rotations were on call at once" in said
    assert "“Asleep”: it is switched off" in said
    assert "goes on past an acknowledgement" in said
    owner = str(world.owner.user)
    with world.scope():
        schedule = Schedule.objects.get()
        nights = ("2026-01-05T21:00", "2026-01-06T07:59", "2026-01-06T08:00", "2026-01-06T21:00")
        assert names(schedule, *nights) == ["Ada", "Ada", owner, "Bob"]
        policy = EscalationPolicy.objects.get()
        assert steps(policy) == [(0, ["schedule"]), (60, ["user"])]
        assert (policy.repeat_count, policy.repeat_delay_minutes) == (3, 15)


def test_who_is_on_call_after_grafana(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = tmp_path / "export"
    folder.mkdir()
    for name, content in exports.grafana(world.owner.user.email).items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    said = run("grafana", folder, world, capsys, "--apply")
    assert "shift “Always”: people share a turn" in said
    assert "the step “trigger_webhook” has no place here" in said
    owner = str(world.owner.user)
    with world.scope():
        schedule = Schedule.objects.get()
        # Level 1 goes before level 0; both change on Mondays, at 00:00 and at 09:00.
        assert names(schedule, "2026-01-07T08:59", "2026-01-07T09:00", "2026-01-07T17:00") == ["Bob", owner, "Bob"]
        assert names(schedule, "2026-01-12T10:00", "2026-01-12T18:00", "2026-01-17T12:00") == ["Ada", "Ada", "Ada"]
        assert names(schedule, "2030-12-25T12:00") == ["Bob"]
        assert steps(EscalationPolicy.objects.get()) == [(0, ["schedule"]), (15, ["user"])]


def test_what_is_no_export_is_said(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "x.json"
    for content, words in (("{", "not JSON"), ("{}", "holds no users"), ('{"schedules": [{"a": 1}]}', "not an export")):
        path.write_text(content)
        with pytest.raises(CommandError, match=words):
            run("opsgenie", path, world, capsys)
    path.write_text(json.dumps(exports.grafana("x@example.com")))
    with pytest.raises(CommandError, match="is not an owner here"):
        call_command("import_oncall", str(path), "--from", "grafana", "--owner", world.user(Role.TEAM_LEAD).email)
    assert read_export(path).keys() >= {"users", "on_call_shifts", "escalation_policies"}


def test_the_turn_under_way_keeps_its_person_through_a_change_of_clocks():
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 3, 27, 8, tzinfo=UTC)  # 09:00 on the wall.
    for days in range(8):
        begin = first + timedelta(days=days, hours=3)
        people, at = at_the_turn(["a", "b", "c"], first, Unit.DAYS, 1, begin, berlin)
        assert people[0] == "abc"[days % 3]
        assert at.astimezone(berlin).strftime("%H:%M") == "09:00"
        assert at <= begin < at + timedelta(days=1, hours=1)
