"""Navigation, filters and forms as pages use them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django import forms
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.test import RequestFactory
from django.urls import path

from incident_center.kernel.portal import navigation, palette
from incident_center.kernel.portal.navigation import NavigationItem
from incident_center.kernel.portal.palette import PaletteItem

urlpatterns = [
    path("incidents/", lambda request: HttpResponse(), name="incidents"),
    path("logs/", lambda request: HttpResponse(), name="logs"),
]


class Reader:
    """May read, and nothing else."""

    role = "reader"

    def may(self, action: object) -> bool:
        return action == "read"


class IncidentFilter(forms.Form):
    q = forms.CharField(label="Search", required=False)
    status = forms.MultipleChoiceField(
        label="Status", required=False, choices=[("open", "Open"), ("resolved", "Resolved")]
    )


@pytest.fixture
def empty_registries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(navigation, "_items", {})
    monkeypatch.setattr(palette, "_sources", [])
    yield


@pytest.mark.urls(__name__)
@pytest.mark.usefixtures("empty_registries")
def test_navigation_shows_what_the_role_may_use_in_order(rf: RequestFactory) -> None:
    navigation.register(NavigationItem("Logs", "logs", "scroll-text", "read", order=20))
    navigation.register(NavigationItem("Hidden", "hidden", "x", "write", order=5))
    navigation.register(NavigationItem("Incidents", "incidents", "siren", None, order=10, count=lambda _: 4))
    navigation.register(NavigationItem("Not installed", "not_installed", "x", "read", order=30))
    shown = navigation.entries(rf.get("/incidents/42/"), Reader())
    assert [(entry.label, entry.count, entry.active) for entry in shown] == [
        ("Incidents", 4, True),
        ("Logs", None, False),
    ]


@pytest.mark.usefixtures("empty_registries")
def test_the_palette_asks_its_sources_in_order_and_stops_at_its_limit(rf: RequestFactory) -> None:
    def many(request: HttpRequest, query: str) -> Iterator[PaletteItem]:
        yield from (PaletteItem(f"{query} {index}", "/", "x") for index in range(palette.MOST_RESULTS))

    palette.register(many, order=20)
    palette.register(lambda request, query: [PaletteItem("first", "/", "x")], order=10)
    found = palette.search(rf.get("/"), " log ")["items"]
    assert len(found) == palette.MOST_RESULTS
    assert [item["label"] for item in found[:2]] == ["first", "log 0"]


def test_a_chip_drops_its_own_value_and_the_place_in_the_list(rf: RequestFactory) -> None:
    request = rf.get("/incidents/?status=open&status=resolved&q=disk&cursor=abc")
    page = Template("{% load components %}{% filter_bar form %}").render(
        Context({"request": request, "form": IncidentFilter(request.GET)})
    )
    chips = dict(re.findall(r'href="([^"]+)"><span class="chip-name">[^<]+</span>([^<]+)<', page))
    assert chips == {
        "/incidents/?status=open&amp;status=resolved": "disk",
        "/incidents/?status=resolved&amp;q=disk": "Open",
        "/incidents/?status=open&amp;q=disk": "Resolved",
    }


def test_a_field_with_an_error_is_joined_to_its_sentence() -> None:
    class Named(forms.Form):
        title = forms.CharField(help_text="One line.")

    page = str(Named({"title": ""}))
    assert 'aria-describedby="id_title_helptext id_title_error"' in page
    assert 'id="id_title_helptext"' in page
    assert 'id="id_title_error"' in page
    assert 'class="form-control"' in page
