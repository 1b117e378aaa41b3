"""What pages show the same way everywhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Template
from django.utils import timezone

from incident_center.kernel.templatetags import presentation

SPRITES = Path(settings.BASE_DIR) / "static"


def render(source: str, **context: object) -> str:
    return Template("{% load presentation %}" + source).render(Context(context))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3_599, "59 min"), (3_600, "1 h"), (172_800, "2 d")],
)
def test_a_span_is_named_by_its_largest_unit(seconds: float, words: str) -> None:
    assert presentation.short_duration(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(12, "12 s"), (252, "4 min 12 s"), (3_600, "1 h"), (187_200, "2 d 4 h")]
)
def test_a_span_is_named_by_its_two_largest_units(seconds: float, words: str) -> None:
    assert presentation.long_duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "written"),
    [
        (950, "950"),
        (9_999, "9\N{NARROW NO-BREAK SPACE}999"),
        (12_345, "12.3 k"),
        (999_499, "999 k"),
        (4_500_000, "4.5 M"),
        (None, "—"),
    ],
)
def test_a_large_count_has_three_figures(count: int | None, written: str) -> None:
    assert presentation.compact_number(count) == written


def test_a_time_says_how_long_ago_and_holds_the_exact_moment() -> None:
    moment = timezone.now() - timedelta(minutes=4, seconds=5)
    shown = render("{% relative_time moment %}", moment=moment)
    assert ">4 min ago<" in shown
    assert f'datetime="{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}' in shown
    assert 'tabindex="0"' in shown  # The exact time is there for the keyboard too.


def test_a_missing_time_is_a_dash() -> None:
    assert render("{% relative_time moment %}", moment=None) == "—"


def test_severity_is_a_word_and_a_shape_and_not_only_a_colour() -> None:
    shown = render('{% severity "critical" %}')
    assert "Critical" in shown
    assert "#severity-critical" in shown


def test_the_stepper_tells_skipped_steps_from_done_ones() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    steps = presentation.status_stepper("resolved", opened_at=at, resolved_at=at)["steps"]
    assert [step.state for step in steps] == ["done", "skipped", "skipped", "current"]


def test_a_reopened_incident_shows_no_time_for_what_lies_ahead() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    steps = presentation.status_stepper("investigating", opened_at=at, acknowledged_at=at, resolved_at=at)["steps"]
    assert [step.at for step in steps] == [at, at, None, None]


@pytest.mark.parametrize(
    ("name", "letters"), [("Ada Lovelace", "AL"), ("ada@example.test", "A"), ("Ada", "A"), ("", "?")]
)
def test_initials(name: str, letters: str) -> None:
    assert presentation.initials(name) == letters


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([^"]+)"', (SPRITES / presentation.ICON_SPRITE).read_text()))
    named: dict[str, Path] = {}
    for page in Path(settings.BASE_DIR).glob("**/templates/**/*.html"):
        if ".venv" in page.parts:
            continue
        for name in re.findall(r'(?:\{% icon |\bicon=)"([a-z0-9-]+)"', page.read_text()):
            named[name] = page
    assert named
    assert {name: str(page) for name, page in named.items() if name not in sprite} == {}


def test_no_template_holds_what_the_content_security_policy_refuses() -> None:
    refused = re.compile(r"\sstyle=|<style|\son[a-z]+=|hx-on|javascript:|<script(?![^>]*(?:\ssrc=|application/json))")
    for page in (Path(settings.BASE_DIR) / "templates").glob("**/*.html"):
        if page.parent.name == "email":
            continue  # Mail programs know nothing of our policy, and take no other styles than those in the mail.
        found = refused.search(page.read_text())
        assert found is None, f"{page}: {found and found.group()}"
