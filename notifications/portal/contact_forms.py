"""The portal's forms for one's own contacts and rules."""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from typing import Any

from django import forms

from incidents.events import Urgency
from notifications.actions.notification_rules import QuietHoursWanted, StepWanted
from notifications.contacts.kinds import available_contact_kinds
from notifications.models import Contact, NotificationRules, NotificationStep

NEVER = ""
MINUTES = (1, 2, 3, 5, 10, 15, 20, 30, 45, 60)
DELAYS = [(NEVER, "never"), ("0", "at once"), *((str(minutes), f"after {minutes} min") for minutes in MINUTES)]


class ContactForm(forms.Form):
    kind = forms.ChoiceField(label="By")
    address = forms.CharField(
        max_length=2_000,
        label="Number or address",
        help_text="A number with the country's code, an e-mail address, or an address as Apprise writes it.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    label = forms.CharField(max_length=100, required=False, label="Name", help_text="Such as “private phone”.")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["kind"].choices = [(kind.name, kind.label) for kind in available_contact_kinds() if kind.needs_code]  # type: ignore[attr-defined]


class RulesForm(forms.Form):
    """When each contact is used, for each urgency; and the hours in which only what is critical disturbs."""

    quiet_from = forms.TimeField(required=False, label="From", widget=forms.TimeInput({"type": "time"}, "%H:%M"))
    quiet_until = forms.TimeField(required=False, label="Until", widget=forms.TimeInput({"type": "time"}, "%H:%M"))
    time_zone = forms.ChoiceField(
        label="Time zone", choices=[(zone, zone) for zone in sorted(zoneinfo.available_timezones())]
    )

    def __init__(self, contacts: Sequence[Contact], *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.contacts = contacts
        for contact in contacts:
            for urgency in Urgency:
                name = field_name(urgency, contact)
                self.fields[name] = forms.ChoiceField(
                    label=f"{contact}, {urgency} urgency", choices=self._delays(name), required=False
                )

    def _delays(self, name: str) -> list[tuple[str, str]]:
        """The usual ones, and the one that it has by now."""
        present = str(self.initial.get(name, NEVER))
        if present in dict(DELAYS):
            return DELAYS
        return sorted([*DELAYS, (present, f"after {present} min")], key=lambda choice: int(choice[0] or -1))

    def rows(self) -> list[dict[str, Any]]:
        """By contact, the field of each urgency, for the table."""
        return [
            {"contact": contact, **{str(urgency): self[field_name(urgency, contact)] for urgency in Urgency}}
            for contact in self.contacts
        ]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if bool(values.get("quiet_from")) != bool(values.get("quiet_until")):
            self.add_error("quiet_until", "Write both the beginning and the end, or neither.")
        return values

    def steps(self) -> dict[Urgency, list[StepWanted]]:
        return {
            urgency: [
                StepWanted(contact.pk, int(chosen))
                for contact in self.contacts
                if (chosen := self.cleaned_data[field_name(urgency, contact)]) != NEVER
            ]
            for urgency in Urgency
        }

    def quiet_hours(self) -> QuietHoursWanted | None:
        values = self.cleaned_data
        if not values["quiet_from"]:
            return None
        return QuietHoursWanted(values["quiet_from"], values["quiet_until"], values["time_zone"])


def field_name(urgency: Urgency, contact: Contact) -> str:
    return f"{urgency}_{contact.pk.hex}"


def initial_rules(
    rules: NotificationRules | None, steps: Sequence[NotificationStep], contacts: Sequence[Contact], time_zone: str
) -> dict[str, Any]:
    """The form's fields as the rules have them; without rules the account's own address is told at once."""
    if rules is None:
        account = [contact for contact in contacts if contact.is_account]
        at_once = {field_name(urgency, contact): "0" for urgency in Urgency for contact in account}
        return {**at_once, "time_zone": time_zone}
    chosen = {field_name(Urgency(step.urgency), step.contact): str(step.after_minutes) for step in steps}
    zone = rules.time_zone if rules.quiet_from else time_zone
    return {**chosen, "quiet_from": rules.quiet_from, "quiet_until": rules.quiet_until, "time_zone": zone}
