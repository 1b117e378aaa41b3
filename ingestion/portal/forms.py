from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms

from ingestion.actions.log_columns import MOST_COLUMNS
from ingestion.levels import Level
from ingestion.portal.addresses import DEFAULT_SPAN, SPANS, has_range
from organizations.selectors import services

SPAN_WORDS = {
    "15m": "last 15 min",
    "1h": "last hour",
    "24h": "last 24 h",
    "7d": "last 7 days",
    "30d": "last 30 days",
}


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
    span = forms.ChoiceField(label="Time", required=False)

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        known = list(services())
        names = sorted({service.name for service in known})
        environments = sorted({service.environment for service in known})
        self.fields["service"].choices = [("", "all"), *((name, name) for name in names)]  # type: ignore[attr-defined]
        self.fields["environment"].choices = [("", "all"), *((e, e) for e in environments)]  # type: ignore[attr-defined]
        self.fields["span"].choices = list(self._spans())  # type: ignore[attr-defined]

    def _spans(self) -> Iterator[tuple[str, str]]:
        """While a range was brushed it is what the empty choice means; any other replaces it."""
        is_range = has_range(self.data)  # type: ignore[arg-type]
        yield ("", "chosen range" if is_range else SPAN_WORDS[DEFAULT_SPAN])
        yield from ((span, SPAN_WORDS[span]) for span in SPANS if is_range or span != DEFAULT_SPAN)


class PatternFilterForm(LogFilterForm):
    """The same filters over patterns; the text is looked for in the template."""

    new = forms.ChoiceField(label="Seen", required=False, choices=[("", "ever"), ("1", "first since the last deploy")])

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.fields["q"].widget.attrs["placeholder"] = "a part of the template"


class SavedSearchForm(forms.Form):
    name = forms.CharField(max_length=100, widget=forms.TextInput({"autocomplete": "off"}))
    is_shared = forms.BooleanField(label="For everyone who reads logs", required=False)

    def __init__(self, *, may_share: bool) -> None:
        super().__init__(auto_id="search_%s")
        if not may_share:
            del self.fields["is_shared"]


class ColumnsForm(forms.Form):
    columns = forms.CharField(
        label="Metadata to show as columns",
        required=False,
        help_text=f"Up to {MOST_COLUMNS} keys, separated by commas; nested ones with dots: user, http.status.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )


class ReplayForm(forms.Form):
    corrected = forms.CharField(
        label="Content",
        required=False,
        strip=False,
        help_text="Repair what is wrong, then replay.",
        widget=forms.Textarea({"rows": 8, "spellcheck": "false"}),
    )
