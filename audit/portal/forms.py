from __future__ import annotations

from typing import Any

from django import forms

from audit import selectors
from organizations.selectors import members


class AuditFilterForm(forms.Form):
    """Narrows the record down; mirrored in the URL."""

    actor = forms.ChoiceField(label="Who", required=False)
    table = forms.ChoiceField(label="What", required=False)
    operation = forms.ChoiceField(
        label="How",
        required=False,
        choices=[("", "any change"), ("insert", "created"), ("update", "changed"), ("delete", "deleted")],
    )
    since = forms.DateField(label="From", required=False, widget=forms.DateInput({"type": "date"}))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput({"type": "date"}))
    object = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        people = [(str(member.user_id), member.user.name) for member in members()]
        tables = [(name, _words(name)) for name in selectors.tables()]
        self.fields["actor"].choices = [("", "anyone"), *people]  # type: ignore[attr-defined]
        self.fields["table"].choices = [("", "anything"), *tables]  # type: ignore[attr-defined]


def _words(table: str) -> str:
    """``organizations_apikey`` → ``apikey``; the app's name says nothing to people."""
    return table.partition("_")[2].replace("_", " ") or table
