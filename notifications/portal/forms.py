"""The portal's forms for channels. What they accept goes to the same actions as the API's."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms

from notifications.actions.channels import MOST_OVERLAP_HOURS
from notifications.channels.base import ChannelKind
from notifications.models import SEVERITY_CHOICES, Channel, Delivery
from notifications.models.drill import WEEKLY
from notifications.selectors import channels
from notifications.topics import CHANNEL_TOPICS, DEFAULT_TOPICS
from organizations.selectors import services

EVERY = [(1, "Every day"), (WEEKLY, "Every week"), (30, "Every 30 days"), (0, "Never")]
TOPIC_CHOICES = [(topic.value, topic.label) for topic in CHANNEL_TOPICS]


class ChannelForm(forms.Form):
    """A channel of any kind; the kind says what its address is called and looks like."""

    name = forms.CharField(max_length=200, help_text="Where it leads, such as “#payments on Slack”.")
    url = forms.CharField(max_length=2_000, widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}))
    credential = forms.CharField(
        max_length=2_000, widget=forms.PasswordInput({"autocomplete": "off"}, render_value=False)
    )
    signing_secret = forms.CharField(
        max_length=2_000, required=False, widget=forms.PasswordInput({"autocomplete": "off"}, render_value=False)
    )
    drill_every_days = forms.TypedChoiceField(
        label="Drill",
        choices=EVERY,
        coerce=int,
        initial=WEEKLY,
        required=False,
        empty_value=None,
        help_text="A message on trial, so that silence is noticed.",
    )
    enabled = forms.BooleanField(label="Switched on", required=False, initial=True)

    def __init__(self, kind: ChannelKind, *arguments: Any, channel: Channel | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        address = self.fields["url"]
        address.label = kind.address_label
        address.help_text = kind.address_help
        address.widget.attrs["placeholder"] = kind.address_example
        if kind.credential_label:
            self.fields["credential"].label = kind.credential_label
            self.fields["credential"].help_text = kind.credential_help
        else:
            del self.fields["credential"]
        if kind.signature_label:
            self.fields["signing_secret"].label = kind.signature_label
            self.fields["signing_secret"].help_text = kind.signature_help
        else:
            del self.fields["signing_secret"]
        if channel is not None:
            address.required = False
            address.help_text = "Leave it empty to keep the present address."
            for name in ("credential", "signing_secret"):
                if name in self.fields:
                    self.fields[name].required = False
                    self.fields[name].help_text = "Leave it empty to keep the present one, which is not shown."

    def values(self) -> dict[str, Any]:
        """What the action takes; an address or credential left empty is not touched."""
        values = dict(self.cleaned_data)
        for name in ("url", "credential", "signing_secret"):
            if not values.get(name):
                values.pop(name, None)
        if values["drill_every_days"] is None:
            del values["drill_every_days"]
        return values


class NewChannelForm(ChannelForm):
    """A channel and the first route to it."""

    events = forms.MultipleChoiceField(
        label="Tell it when an incident is", choices=TOPIC_CHOICES, widget=forms.CheckboxSelectMultiple
    )
    minimum_severity = forms.ChoiceField(label="From this severity on", choices=SEVERITY_CHOICES, initial="low")
    service_id = forms.ChoiceField(label="Only of the service", required=False)
    environment = forms.CharField(
        label="Only in the environment", max_length=100, required=False, help_text="Such as production."
    )

    def __init__(self, kind: ChannelKind, *arguments: Any, **options: Any) -> None:
        super().__init__(kind, *arguments, **options)
        in_use = [(str(each.public_id), str(each)) for each in services()]
        self.fields["service_id"].choices = [("", "Any service"), *in_use]  # type: ignore[attr-defined]
        self.fields["events"].initial = [topic.value for topic in DEFAULT_TOPICS]

    def values(self) -> dict[str, Any]:
        values = super().values()
        values["service_id"] = UUID(values["service_id"]) if values["service_id"] else None
        return values


def initial_of(channel: Channel) -> dict[str, Any]:
    """The form's fields as the channel has them, without its address."""
    return {"name": channel.name, "enabled": channel.enabled, "drill_every_days": channel.drill_every_days}


class RotateSecretForm(forms.Form):
    overlap_hours = forms.IntegerField(
        label="Hours that the former secret lives on",
        min_value=0,
        max_value=MOST_OVERLAP_HOURS,
        initial=24,
        help_text="Messages carry both signatures meanwhile, so that the receiver can change over.",
    )


class DeliveryFilterForm(forms.Form):
    state = forms.ChoiceField(choices=[("", "Any state"), *Delivery.State.choices], required=False)
    channel = forms.ChoiceField(required=False)
    incident = forms.RegexField(r"^(?:[Ii][Nn][Cc]-)?[1-9][0-9]{0,8}$", label="Incident", required=False)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        in_use = [(str(each.pk), each.name) for each in channels()]
        self.fields["channel"].choices = [("", "Any channel"), *in_use]  # type: ignore[attr-defined]
        self.fields["incident"].widget.attrs["placeholder"] = "INC-42"
        self.fields["incident"].error_messages["invalid"] = "Write a number such as INC-42."

    def filters(self) -> dict[str, Any]:
        """The conditions for the deliveries, of the fields that were understood."""
        self.is_valid()  # What was not understood says so beside its field, and filters nothing.
        chosen = self.cleaned_data
        filters: dict[str, Any] = {}
        if chosen.get("state"):
            filters["state"] = chosen["state"]
        if chosen.get("channel"):
            filters["channel"] = UUID(chosen["channel"])
        if chosen.get("incident"):
            filters["incident__number"] = int(chosen["incident"].upper().removeprefix("INC-"))
        return filters
