"""What the incidents of the last days say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from incident_center.kernel.api.problems import InvalidInput
from incident_center.kernel.templatetags.presentation import NOT_KNOWN, long_duration
from incidents.analytics import selectors
from incidents.analytics.definitions import DEFINITIONS, OFFICE_CLOSES, OFFICE_OPENS
from incidents.analytics.figures import Attainment, Durations, Group, Point, SlaFigures, Summary, Trends
from incidents.analytics.parameters import DEFAULT_DAYS, choice_of
from incidents.analytics.period import Period
from incidents.analytics.source import Choice
from incidents.lifecycle import Severity
from incidents.portal.analytics_tiles import duration_tile, duration_words
from incidents.portal.forms import service_choices
from organizations.access import Action
from organizations.portal.base import PortalView
from organizations.selectors import teams

RANGES = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "365 days"}
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
#: A longer range is drawn by the week.
MOST_DAYS_DRAWN = 92
DAY_SECONDS = 86_400
MOST_SHOWN = 20
#: Shades of the table of hours, the last for the busiest hour.
SHADES = 5
Each = TypeVar("Each", Point, Attainment)


class AnalyticsForm(forms.Form):
    """Which days, and of which services; mirrored in the URL."""

    range = forms.ChoiceField(label="Range", required=False)
    service = forms.ChoiceField(label="Service", required=False)
    team = forms.ChoiceField(label="Team", required=False)

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        ranges = [(days if days != str(DEFAULT_DAYS) else "", words) for days, words in RANGES.items()]
        self.fields["range"].choices = ranges  # type: ignore[attr-defined]
        self.fields["service"].choices = service_choices(empty="All services")  # type: ignore[attr-defined]
        named = [(str(team.pk), team.name) for team in teams()]
        self.fields["team"].choices = [("", "All teams"), *named]  # type: ignore[attr-defined]


class AnalyticsPage(PortalView):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_REPORTS}

    def get(self, request: HttpRequest) -> HttpResponse:
        days = request.GET.get("range") or str(DEFAULT_DAYS)
        if days not in RANGES:
            raise InvalidInput("range", f"Choose one of {', '.join(RANGES)} days.")
        choice = choice_of(request.GET, timezone.now(), days=int(days))
        summary, trends, sla = selectors.summary(choice), selectors.trends(choice), selectors.sla_figures(choice)
        context = {
            "form": AnalyticsForm(request.GET),
            "period": choice.period,
            "summary": summary,
            "tiles": _tiles(summary, sla, choice),
            "spread": _spread(summary),
            "charts": [_opened_chart(trends), _duration_chart(trends), _sla_chart(sla)],
            "services": [_group_row(group) for group in summary.services[:MOST_SHOWN]],
            "teams": [_group_row(group) for group in summary.teams[:MOST_SHOWN]],
            "severities": [_group_row(group) for group in summary.severities],
            "people": summary.people[:MOST_SHOWN],
            "attainment": [(each, percent(each.share)) for each in sla.services[:MOST_SHOWN]],
            "hours": _hour_rows(trends.hour_of_week),
            "hour_numbers": range(24),
            "definitions": DEFINITIONS,
            "office_hours": f"{OFFICE_OPENS:%H:%M} to {OFFICE_CLOSES:%H:%M}",
        }
        return render(request, "analytics/analytics.html", context)


def percent(share: float | None) -> str:
    return NOT_KNOWN if share is None else f"{100 * share:.1f} %"


def _tiles(summary: Summary, sla: SlaFigures, choice: Choice) -> list[dict[str, Any]]:
    before = Choice(choice.period.before, choice.services)
    acknowledged, resolved = selectors.response_times(before)
    opened_before = selectors.opened_count(before)
    days, whole, noise = len(choice.period.days), summary.whole, summary.noise
    more = whole.opened - opened_before
    opened = {"label": "Incidents opened", "value": whole.opened, "trend_good": "true" if more < 0 else "false"}
    opened["trend"] = f"{abs(more)} {'more' if more > 0 else 'fewer'} than the {days} d before" if more else ""
    opened["hint"] = f"as many as in the {days} d before"
    return [
        opened,
        duration_tile("MTTA", whole.time_to_acknowledge, acknowledged, days=days),
        duration_tile("MTTR", whole.time_to_resolve, resolved, days=days),
        {
            "label": "SLA attainment",
            "value": percent(sla.whole.share),
            "hint": f"{sla.whole.missed} missed of {sla.whole.met + sla.whole.missed} decided",
        },
        {
            "label": "Resolved without action",
            "value": percent(noise.without_action_share),
            "hint": f"{noise.without_action} of {noise.resolved} resolved",
        },
        {
            "label": "Incidents per page",
            "value": NOT_KNOWN if noise.incidents_per_page is None else f"{noise.incidents_per_page:.2f}",
            "hint": f"{noise.pages} {'page' if noise.pages == 1 else 'pages'}",
        },
    ]


def _spread(summary: Summary) -> list[dict[str, Any]]:
    def row(name: str, times: Durations) -> dict[str, Any]:
        values = (times.mean_seconds, times.median_seconds, times.p90_seconds)
        return {"name": name, "count": times.count, "values": [duration_words(each) for each in values]}

    return [
        row("To acknowledge (MTTA)", summary.whole.time_to_acknowledge),
        row("To resolve (MTTR)", summary.whole.time_to_resolve),
    ]


def _group_row(group: Group) -> dict[str, Any]:
    return {
        "group": group,
        "mtta": long_duration(group.mtta_seconds),
        "mttr": long_duration(group.mttr_seconds),
    }


def _opened_chart(trends: Trends) -> dict[str, Any]:
    steps = _steps(trends.points)
    series = [
        {
            "label": severity.label,
            "color": f"severity-{severity}",
            "values": [sum(point.severities[severity] for point in step) for step in steps],
        }
        for severity in Severity
    ]
    return {
        "title": f"Incidents opened by {_step_word(trends.points)}",
        "data": {"kind": "bars", "stacked": True, "unit": "incidents", **_axis(trends.period, steps), "series": series},
    }


def _duration_chart(trends: Trends) -> dict[str, Any]:
    steps = _steps(trends.points)
    series = [
        {"label": label, "color": color, "values": [_mean_minutes(step, name) for step in steps]}
        for label, color, name in (
            ("MTTA", "chart-1", "time_to_acknowledge"),
            ("MTTR", "chart-2", "time_to_resolve"),
        )
    ]
    return {
        "title": f"Mean time to acknowledge and to resolve by {_step_word(trends.points)}, minutes",
        "data": {"kind": "lines", "unit": "min", **_axis(trends.period, steps), "series": series},
    }


def _sla_chart(sla: SlaFigures) -> dict[str, Any]:
    steps = _steps(sla.points)
    series = [
        {"label": label, "color": color, "values": [sum(getattr(point, name) for point in step) for step in steps]}
        for label, color, name in (("Met", "good", "met"), ("Missed", "danger", "missed"))
    ]
    return {
        "title": f"SLA targets decided by {_step_word(sla.points)}",
        "data": {"kind": "bars", "stacked": True, "unit": "targets", **_axis(sla.period, steps), "series": series},
    }


def _step_word(points: Sequence[object]) -> str:
    return "day" if len(points) <= MOST_DAYS_DRAWN else "week"


def _steps(points: Sequence[Each]) -> list[Sequence[Each]]:
    """Days as they are, or weeks, of which the last may be short."""
    length = 1 if len(points) <= MOST_DAYS_DRAWN else 7
    return [points[start : start + length] for start in range(0, len(points), length)]


def _axis(period: Period, steps: Sequence[Sequence[Point | Attainment]]) -> dict[str, Any]:
    starts = [step[0].day for step in steps]
    times = [int(period.midnight(day).timestamp()) for day in starts if day is not None]
    return {"times": times, "step": DAY_SECONDS * len(steps[0])}


def _mean_minutes(step: Sequence[Point], name: str) -> float | None:
    whole = Durations()
    for point in step:
        times: Durations = getattr(point.group, name)
        whole.add(times.count, times.total_seconds)
    return None if whole.mean_seconds is None else round(whole.mean_seconds / 60, 1)


def _hour_rows(hours: list[list[int]]) -> list[tuple[str, list[tuple[int, int]]]]:
    """Weekdays with their hours: how many incidents, and how dark to show it."""
    busiest = max(max(day) for day in hours)
    shaded = [[(count, -(-count * SHADES // busiest) if count else 0) for count in day] for day in hours]
    return list(zip(WEEKDAYS, shaded, strict=True))
