"""The portal's forms for routes and the simulator."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms

from incidents.escalation.options import known_targets
from incidents.escalation.plan import Target, TargetKind
from incidents.portal.forms import service_choices
from notifications.models import SEVERITY_CHOICES, Route, default_topics
from notifications.portal.forms import TOPIC_CHOICES
from organizations.selectors import services, teams

TARGET_FIELDS = {
    "channels": TargetKind.CHANNEL,
    "people": TargetKind.USER,
    "target_teams": TargetKind.TEAM,
    "schedules": TargetKind.SCHEDULE,
}


class RouteForm(forms.Form):
    name = forms.CharField(max_length=200, help_text="What it does, such as “Payments to #payments”.")
    events = forms.MultipleChoiceField(
        label="When an incident is", choices=TOPIC_CHOICES, widget=forms.CheckboxSelectMultiple, initial=default_topics
    )
    severities = forms.MultipleChoiceField(
        label="Severities",
        choices=SEVERITY_CHOICES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: any.",
    )
    services = forms.MultipleChoiceField(required=False, help_text="None chosen: any.")
    teams = forms.MultipleChoiceField(
        label="Services of the teams",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: any.",
    )
    environments = forms.CharField(
        required=False, max_length=500, help_text="Such as production, staging; with commas between. Empty: any."
    )
    channels = forms.MultipleChoiceField(label="Tell the channels", required=False, widget=forms.CheckboxSelectMultiple)
    schedules = forms.MultipleChoiceField(
        label="Tell whoever is on call in", required=False, widget=forms.CheckboxSelectMultiple
    )
    target_teams = forms.MultipleChoiceField(
        label="Tell the teams", required=False, widget=forms.CheckboxSelectMultiple
    )
    people = forms.MultipleChoiceField(label="Tell the people", required=False)
    stops = forms.BooleanField(label="What fits here is not shown to the routes after it", required=False)
    enabled = forms.BooleanField(label="Switched on", required=False, initial=True)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._choose("services", [(str(each.public_id), str(each)) for each in services()])
        self._choose("teams", [(str(team.pk), team.name) for team in teams()])
        known = known_targets()
        for name, kind in TARGET_FIELDS.items():
            self._choose(name, [(str(key), label) for key, label in known[kind].items()])

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        """A list of which there is nothing to choose is left out."""
        if choices:
            self.fields[name].choices = choices  # type: ignore[attr-defined]
        else:
            del self.fields[name]

    def values(self) -> dict[str, Any]:
        """What the actions take."""
        chosen = self.cleaned_data
        targets = [Target(kind, UUID(each)) for name, kind in TARGET_FIELDS.items() for each in chosen.get(name, ())]
        return {
            "name": chosen["name"],
            "events": chosen["events"],
            "severities": chosen["severities"],
            "services": [UUID(each) for each in chosen.get("services", ())],
            "teams": [UUID(each) for each in chosen.get("teams", ())],
            "environments": chosen["environments"].split(","),
            "targets": targets,
            "stops": chosen["stops"],
            "enabled": chosen["enabled"],
        }


def initial_route(route: Route) -> dict[str, Any]:
    """The form's fields as the route has them."""
    targets = {name: [str(aim.id) for aim in route.aims if aim.kind is kind] for name, kind in TARGET_FIELDS.items()}
    return {
        "name": route.name,
        "events": route.events,
        "severities": route.severities,
        "services": [str(each) for each in route.services],
        "teams": [str(each) for each in route.teams],
        "environments": ", ".join(route.environments),
        "stops": route.stops,
        "enabled": route.enabled,
        **targets,
    }


class SimulatorForm(forms.Form):
    """An incident that there is, or one that is supposed."""

    incident = forms.RegexField(r"^(?:[Ii][Nn][Cc]-)?[1-9][0-9]{0,8}$", required=False)
    service = forms.ChoiceField(required=False)
    severity = forms.ChoiceField(choices=SEVERITY_CHOICES, required=False, initial="high")
    event = forms.ChoiceField(choices=TOPIC_CHOICES, required=False, initial="opened")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["incident"].widget.attrs["placeholder"] = "INC-42"
        self.fields["incident"].error_messages["invalid"] = "Write a number such as INC-42."
        self.fields["service"].choices = service_choices(empty="No service")  # type: ignore[attr-defined]
