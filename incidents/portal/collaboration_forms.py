"""The forms with which people work together on an incident."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms

from incidents.models import IncidentLink
from incidents.models.collaboration import LONGEST_POSTMORTEM, LONGEST_TASK
from incidents.portal.forms import responder_choices


class LabelsForm(forms.Form):
    labels = forms.CharField(
        required=False,
        max_length=1_300,
        help_text="With commas between them, such as payment, customer:acme.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_labels(self) -> list[str]:
        return [label for label in self.cleaned_data["labels"].split(",") if label.strip()]


class LinkForm(forms.Form):
    kind = forms.ChoiceField(label="This incident", choices=IncidentLink.Kind.choices)
    incident = forms.CharField(
        label="the incident", max_length=50, widget=forms.TextInput(attrs={"placeholder": "INC-42"})
    )


class TaskForm(forms.Form):
    title = forms.CharField(label="What is to be done?", max_length=LONGEST_TASK)
    assignee = forms.ChoiceField(label="By whom?", required=False)
    due_on = forms.DateField(
        label="Until when?", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.fields["assignee"].choices = [("", "Nobody yet"), *responder_choices()]  # type: ignore[attr-defined]

    def clean_assignee(self) -> UUID | None:
        return UUID(self.cleaned_data["assignee"]) if self.cleaned_data["assignee"] else None


class TaskDoneForm(forms.Form):
    done = forms.BooleanField(required=False)


class PostmortemForm(forms.Form):
    """``version`` is the one that the person saw."""

    body = forms.CharField(
        label="Markdown", max_length=LONGEST_POSTMORTEM, widget=forms.Textarea(attrs={"rows": 28, "class": "mono"})
    )
    version = forms.IntegerField(widget=forms.HiddenInput)


class SavedViewForm(forms.Form):
    name = forms.CharField(max_length=60)
    is_shared = forms.BooleanField(required=False, label="For everyone in the organization")
    query = forms.CharField(widget=forms.HiddenInput)
