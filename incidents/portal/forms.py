"""The portal's forms. They check what a browser sends; what is allowed, the actions decide."""

from __future__ import annotations

from typing import Any

from django import forms

from incidents.actions.incident_note import LONGEST_NOTE
from incidents.lifecycle import DEFAULT_PRIORITY, Priority, Severity, Status
from incidents.models import LONGEST_TITLE, Incident
from organizations.access import Action, Role, allows
from organizations.models import Membership, Service

SEVERITIES = [(severity.value, severity.label) for severity in Severity]
PRIORITIES = [(priority.value, priority.value) for priority in Priority]
_BY_SEVERITY = ", ".join(f"{severity.value} {priority}" for severity, priority in DEFAULT_PRIORITY.items())


def service_choices(*, empty: str) -> list[tuple[str, str]]:
    services = Service.objects.filter(retired_at=None).order_by("name", "environment")
    return [("", empty), *((str(service.public_id), str(service)) for service in services)]


def responder_choices() -> list[tuple[str, str]]:
    """The active members whose roles work on incidents."""
    roles = [role for role in Role if allows(role, Action.WORK_INCIDENTS)]
    members = Membership.objects.filter(is_active=True, role__in=roles).select_related("user").order_by("user__name")
    return [(str(member.user_id), member.user.name) for member in members]


class IncidentForm(forms.Form):
    """Opening an incident by hand."""

    title = forms.CharField(max_length=LONGEST_TITLE, widget=forms.TextInput(attrs={"autofocus": True}))
    severity = forms.ChoiceField(choices=SEVERITIES, initial=Severity.HIGH, widget=forms.RadioSelect)
    service = forms.ChoiceField(required=False)
    description = forms.CharField(
        required=False,
        max_length=50_000,
        widget=forms.Textarea(attrs={"rows": 5, "data-draft-key": "new-incident"}),
        help_text="What do users notice, and since when? Markdown works.",
    )
    priority = forms.ChoiceField(
        required=False,
        choices=[("", "By severity"), *PRIORITIES],
        help_text=f"How soon it has to be dealt with. By severity: {_BY_SEVERITY}.",
    )
    assignee = forms.ChoiceField(required=False)

    def __init__(self, *arguments: Any, may_assign: bool, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.fields["service"].choices = service_choices(empty="None")  # type: ignore[attr-defined]
        if may_assign:
            self.fields["assignee"].choices = [("", "Nobody yet"), *responder_choices()]  # type: ignore[attr-defined]
        else:
            del self.fields["assignee"]


class IncidentEditForm(forms.Form):
    """What can be corrected afterwards. ``version`` is the one that the person saw."""

    title = forms.CharField(max_length=LONGEST_TITLE)
    description = forms.CharField(
        required=False, max_length=50_000, widget=forms.Textarea(attrs={"rows": 6}), help_text="Markdown works."
    )
    severity = forms.ChoiceField(choices=SEVERITIES)
    priority = forms.ChoiceField(choices=PRIORITIES)
    service = forms.ChoiceField(required=False)
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *arguments: Any, may_direct: bool, incident: Incident, **keywords: Any) -> None:
        service = incident.service
        keywords.setdefault(
            "initial",
            {
                "title": incident.title,
                "description": incident.description,
                "severity": incident.severity,
                "priority": incident.priority,
                "service": str(service.public_id) if service else "",
                "version": incident.version,
            },
        )
        super().__init__(*arguments, **keywords)
        choices = service_choices(empty="None")
        if service and service.retired_at is not None:
            choices.append((str(service.public_id), f"{service}, retired"))
        self.fields["service"].choices = choices  # type: ignore[attr-defined]
        if not may_direct:
            for name in ("severity", "priority", "service"):
                del self.fields[name]


class NoteForm(forms.Form):
    body = forms.CharField(max_length=LONGEST_NOTE)


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=2_000)


class StatusForm(forms.Form):
    status = forms.ChoiceField(choices=[(status.value, status.label) for status in Status])
    reason = forms.CharField(max_length=2_000, required=False)


NOBODY = "nobody"


class AssignForm(forms.Form):
    """Nobody is a choice of its own, so that a form without a choice takes the incident from no one."""

    assignee = forms.ChoiceField()

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.fields["assignee"].choices = [(NOBODY, "Nobody"), *responder_choices()]  # type: ignore[attr-defined]


class MergeForm(forms.Form):
    into = forms.CharField(
        max_length=50,
        label="Into",
        help_text="The number of the incident in which it lives on, such as INC-12.",
        widget=forms.TextInput(attrs={"placeholder": "INC-12", "autocomplete": "off"}),
    )


class IncidentFilterForm(forms.Form):
    """The list's filters; ``incidents.filters`` reads the same names from the URL."""

    q = forms.CharField(label="Search", required=False, widget=forms.SearchInput(attrs={"data-search": ""}))
    service = forms.ChoiceField(required=False)
    environment = forms.ChoiceField(required=False)
    severity = forms.ChoiceField(required=False, choices=[("", "Any"), *SEVERITIES])
    status = forms.ChoiceField(
        required=False,
        choices=[
            ("", "Not resolved"),
            *((status.value, status.label) for status in Status),
            (",".join(Status), "Any"),
        ],
    )
    assignee = forms.ChoiceField(
        required=False, label="Who has it", choices=[("", "Anyone"), ("me", "Me"), ("none", "Nobody")]
    )
    sla = forms.ChoiceField(
        required=False,
        label="SLA",
        choices=[("", "Any"), ("due_soon", "Due soon or breached"), ("breached", "Breached")],
    )
    resolved = forms.ChoiceField(
        required=False, label="Resolved", choices=[("", "At any time"), ("week", "In the last 7 days")]
    )
    ordering = forms.ChoiceField(
        required=False,
        label="Order",
        choices=[
            ("", "Most severe first"),
            ("-opened_at", "Newest first"),
            ("opened_at", "Oldest first"),
            ("priority", "By priority"),
            ("-last_occurrence_at", "Last seen first"),
        ],
    )

    def __init__(self, *arguments: Any, may_work: bool, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        services = Service.objects.filter(retired_at=None).order_by("name", "environment")
        named = {service.name: service.name for service in services}
        environments = sorted({service.environment for service in services})
        self.fields["service"].choices = [("", "Any"), *named.items()]  # type: ignore[attr-defined]
        self.fields["environment"].choices = [("", "Any"), *((e, e) for e in environments)]  # type: ignore[attr-defined]
        if not may_work:
            del self.fields["assignee"]
        for name in ("resolved", "sla"):  # They come with their saved views, and have a place only there.
            if not self.data.get(name):
                del self.fields[name]
