"""The portal's forms for people, organizations, services and keys. What they accept goes to the actions."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms

from incident_center.kernel.api.problems import Problem
from organizations import service_extensions
from organizations.access import ROLE_CHOICES, Role
from organizations.actions.join_codes import DEFAULT_HOURS, DEFAULT_USES, MOST_HOURS, MOST_USES
from organizations.actions.keys import MOST_OVERLAP_HOURS
from organizations.models import RETENTION_CHOICES
from organizations.selectors import active_members, teams


def show_problem(form: forms.Form, problem: Problem) -> None:
    """Puts an action's refusal beside the fields that it names, or above the form."""
    for error in problem.members.get("errors", [{"field": "", "message": problem.detail}]):
        form.add_error(error["field"] if error["field"] in form.fields else None, error["message"])


class NewPersonForm(forms.Form):
    name = forms.CharField(max_length=200, label="Your name", widget=forms.TextInput({"autocomplete": "name"}))
    email = forms.EmailField(
        max_length=254, label="E-mail address", widget=forms.EmailInput({"autocomplete": "username"})
    )
    password = forms.CharField(
        max_length=256,
        strip=False,
        label="Password",
        help_text="At least 10 characters; a sentence that only you would say is a good one.",
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )


class FoundForm(NewPersonForm):
    organization_name = forms.CharField(max_length=200, label="Organization")
    field_order = ("organization_name", "name", "email", "password")


class JoinCodeForm(forms.Form):
    code = forms.CharField(max_length=64, label="Join code", widget=forms.TextInput({"autocomplete": "off"}))


class JoinForm(NewPersonForm):
    code = forms.CharField(max_length=64, widget=forms.HiddenInput)


class NewPasswordForm(forms.Form):
    password = forms.CharField(
        max_length=256, strip=False, label="New password", widget=forms.PasswordInput({"autocomplete": "new-password"})
    )


class OrganizationForm(forms.Form):
    name = forms.CharField(max_length=200)
    timezone = forms.ChoiceField(
        label="Time zone", choices=[(zone, zone) for zone in sorted(zoneinfo.available_timezones())]
    )
    log_retention_days = forms.TypedChoiceField(
        label="Logs are kept for",
        choices=RETENTION_CHOICES,
        coerce=int,
        help_text="Holds for logs that arrive from now on.",
    )


class RotateJoinCodeForm(forms.Form):
    role = forms.ChoiceField(
        label="New members become", choices=[c for c in ROLE_CHOICES if c[0] != Role.OWNER], initial=Role.ENGINEER
    )
    expires_in_hours = forms.IntegerField(
        label="Hours until it expires", min_value=1, max_value=MOST_HOURS, initial=DEFAULT_HOURS
    )
    max_uses = forms.IntegerField(label="People it lets in", min_value=1, max_value=MOST_USES, initial=DEFAULT_USES)


class MemberForm(forms.Form):
    role = forms.ChoiceField(choices=ROLE_CHOICES, required=False)
    is_active = forms.TypedChoiceField(
        choices=[("", ""), ("1", "active"), ("0", "deactivated")],
        coerce=lambda text: text == "1",
        empty_value=None,
        required=False,
    )


class AccountForm(forms.Form):
    name = forms.CharField(max_length=200, label="Name", help_text="What others see.")


class ServiceForm(forms.Form):
    name = forms.CharField(max_length=200)
    environment = forms.CharField(max_length=100, initial="production")
    description = forms.CharField(required=False, widget=forms.Textarea({"rows": 2}))
    team_id = forms.ChoiceField(label="Team", required=False)

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        choices = [("", "no team"), *((str(team.pk), team.name) for team in teams())]
        self.fields["team_id"].choices = choices  # type: ignore[attr-defined]
        for extension in service_extensions.registered():
            self.fields[extension.name] = extension.form_field()

    def chosen_extensions(self) -> list[tuple[str, str]]:
        """Label and value, in words, of each registered setting as it was when the form was made."""
        return [
            (
                extension.label,
                dict(self.fields[extension.name].choices).get(str(self.initial.get(extension.name) or ""), ""),  # type: ignore[attr-defined]
            )
            for extension in service_extensions.registered()
        ]


class KeyForm(forms.Form):
    name = forms.CharField(max_length=200, label="Name", help_text="What will use it: “payments on web-3”.")


class RotateKeyForm(forms.Form):
    overlap_hours = forms.IntegerField(
        label="Hours that the old key lives on", min_value=0, max_value=MOST_OVERLAP_HOURS, initial=24
    )


class TeamForm(forms.Form):
    name = forms.CharField(max_length=200)
    description = forms.CharField(required=False, widget=forms.Textarea({"rows": 2}))
    members = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        choices = [(str(member.pk), member.user.name) for member in active_members()]
        self.fields["members"].choices = choices  # type: ignore[attr-defined]
