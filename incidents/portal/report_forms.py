"""What a report is narrowed down by; ``incidents.reports.query`` reads the same names from the URL."""

from __future__ import annotations

from typing import Any

from django import forms

from incidents.lifecycle import Status
from incidents.portal.forms import PRIORITIES, SEVERITIES
from organizations.models import Service


class ReportFilterForm(forms.Form):
    """Mirrored in the URL; the links to the files carry it on."""

    status = forms.ChoiceField(required=False, choices=[("", "Any"), *((one.value, one.label) for one in Status)])
    severity = forms.ChoiceField(required=False, choices=[("", "Any"), *SEVERITIES])
    priority = forms.ChoiceField(required=False, choices=[("", "Any"), *PRIORITIES])
    service = forms.ChoiceField(required=False)

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        names = sorted(set(Service.objects.values_list("name", flat=True)), key=str.casefold)
        self.fields["service"].choices = [("", "Any"), *((name, name) for name in names)]  # type: ignore[attr-defined]
        for name, label in (("from", "Opened from"), ("to", "To")):
            self.fields[name] = forms.DateField(label=label, required=False, widget=forms.DateInput({"type": "date"}))
