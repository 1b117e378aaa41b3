from __future__ import annotations

from typing import Any

from django import forms

from ingestion.levels import Level
from organizations.selectors import services


class LogFilterForm(forms.Form):
    """The filters of the log page; what they mean is read by ``ingestion.log_filters``, as for the API."""

    q = forms.CharField(
        label="Message",
        required=False,
        widget=forms.TextInput({"placeholder": 'words, "a phrase", -without', "data-search": ""}),
    )
    service = forms.ChoiceField(required=False)
    environment = forms.ChoiceField(required=False)
    min_level = forms.ChoiceField(
        label="Level",
        required=False,
        choices=[("", "any"), *((level.name, f"{level.name} and worse") for level in Level)],
    )
    span = forms.ChoiceField(
        label="Time",
        required=False,
        choices=[("", "last 24 h"), ("15m", "last 15 min"), ("1h", "last hour"), ("7d", "last 7 days")],
    )
    trace_id = forms.CharField(label="Trace", required=False, widget=forms.HiddenInput)

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        known = list(services())
        names = sorted({service.name for service in known})
        environments = sorted({service.environment for service in known})
        self.fields["service"].choices = [("", "all"), *((name, name) for name in names)]  # type: ignore[attr-defined]
        self.fields["environment"].choices = [("", "all"), *((e, e) for e in environments)]  # type: ignore[attr-defined]


class ReplayForm(forms.Form):
    corrected = forms.CharField(
        label="Content",
        required=False,
        strip=False,
        help_text="Repair what is wrong, then replay.",
        widget=forms.Textarea({"rows": 8, "spellcheck": "false"}),
    )
