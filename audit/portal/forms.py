from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator

from audit import selectors
from organizations.selectors import members

#: The day after it has to be a day, too.
LAST_DAY = date(9999, 12, 30)


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
    until = forms.DateField(
        label="To",
        required=False,
        widget=forms.DateInput({"type": "date"}),
        validators=[MaxValueValidator(LAST_DAY, f"Choose a day up to {LAST_DAY}.")],
    )
    object = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        people = {f"user:{member.user_id}": member.user.name for member in members()}
        others = [(actor, _actor(actor)) for actor in selectors.actors() if actor not in people]
        tables = [(name, _words(name)) for name in selectors.tables()]
        self.fields["actor"].choices = [("", "anyone"), *people.items(), *others]  # type: ignore[attr-defined]
        self.fields["table"].choices = [("", "anything"), *tables]  # type: ignore[attr-defined]


def _words(table: str) -> str:
    """``organizations_apikey`` → ``apikey``; the app's name says nothing to people."""
    return table.partition("_")[2].replace("_", " ") or table


def _actor(actor: str) -> str:
    """``system:sweep/detection`` → ``Detection (system)``; a key or a former member by the name it has or had."""
    kind, _, identifier = actor.partition(":")
    if kind == "user":
        return selectors.former_names("organizations_user", [identifier]).get(identifier, identifier)
    if kind == "key":
        return f"{selectors.object_name('organizations_apikey', identifier)} (API key)"
    return f"{identifier.replace('sweep/', '').replace('_', ' ').capitalize()} ({kind})"
