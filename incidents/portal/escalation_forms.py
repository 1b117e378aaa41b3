"""The forms of escalation: a policy with its steps, and whom a person calls to an incident."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from django import forms
from django.http import QueryDict

from incidents.actions.escalation_policies import PolicyFields
from incidents.actions.incident_add_responders import LONGEST_MESSAGE
from incidents.escalation.options import known_targets
from incidents.escalation.plan import Target, TargetKind
from incidents.escalation.selectors import escalation_policies
from incidents.lifecycle import Severity
from incidents.models import EscalationPolicy

WEEKDAYS = [(str(n), name) for n, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), start=1)]
GROUPS = {
    TargetKind.SCHEDULE: ("On call by schedule", "calendar-clock"),
    TargetKind.USER: ("People", "user"),
    TargetKind.TEAM: ("Everyone of a team", "users"),
    TargetKind.CHANNEL: ("Channels", "megaphone"),
}
HIGH, IN_HOURS, LOW = "high", "in_hours", "low"
URGENCIES = [(HIGH, "at any time"), (IN_HOURS, "within the hours below"), (LOW, "never")]
POLICY_MARK = "policy"


def target_choices(known: Mapping[str, Mapping[UUID, str]]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The choices of a select, by kind; kinds of which there is nothing are left out."""
    return [
        (label, [(f"{kind}:{identifier}", name) for identifier, name in known[kind].items()])
        for kind, (label, _) in GROUPS.items()
        if known[kind]
    ]


# ---- A policy ----------------------------------------------------------------------------------------------


@dataclass
class StepDraft:
    """A step as it stands in the editor: the delay as it was typed, targets as ``user:<uuid>``."""

    delay: str = "5"
    targets: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ShownTarget:
    value: str
    name: str
    icon: str
    is_gone: bool


class StepsDraft:
    """The steps in the editor. Every button of it sends all of them, and what to do with them."""

    def __init__(self, steps: list[StepDraft], known: Mapping[str, Mapping[UUID, str]]) -> None:
        self.steps = steps
        self._known = known

    @classmethod
    def of_policy(cls, policy: EscalationPolicy) -> StepsDraft:
        steps = [
            StepDraft(str(step["delay_minutes"]), [f"{each['type']}:{each['id']}" for each in step["targets"]])
            for step in policy.steps
        ]
        return cls(steps or [StepDraft("0")], known_targets())

    @classmethod
    def of_post(cls, post: QueryDict) -> StepsDraft:
        steps = [
            StepDraft(post.get(f"delay-{number}", "0").strip(), post.getlist(f"targets-{number}"))
            for number in post.getlist("step")
        ]
        return cls(steps, known_targets())

    def edit(self, post: QueryDict) -> None:
        """Does what a button says: ``add``, ``remove:2``, ``up:2``, ``down:2``, ``target:2``, ``drop:2:user:…``."""
        verb, _, rest = post.get("edit", "").partition(":")
        number, _, target = rest.partition(":")
        if verb == "add":
            self.steps.append(StepDraft())
        if not number.isdecimal() or int(number) >= len(self.steps):
            return
        index = int(number)
        step = self.steps[index]
        if verb == "remove":
            del self.steps[index]
        elif verb in ("up", "down"):
            other = index - 1 if verb == "up" else index + 1
            if 0 <= other < len(self.steps):
                self.steps[index], self.steps[other] = self.steps[other], self.steps[index]
        elif verb == "target":
            chosen = post.get(f"add-{index}", "")
            if chosen and chosen not in step.targets:
                step.targets.append(chosen)
        elif verb == "drop" and target in step.targets:
            step.targets.remove(target)

    def as_fields(self) -> list[dict[str, Any]]:
        """As ``incidents.escalation.definition`` reads them."""
        return [
            {
                "delay_minutes": int(step.delay) if step.delay.isdecimal() else step.delay,
                "targets": [dict(zip(("type", "id"), each.split(":", 1), strict=False)) for each in step.targets],
            }
            for step in self.steps
        ]

    def add_fault(self, name: str, message: str) -> bool:
        """Puts a fault of ``steps[2].…`` to its step. False: it is not of a single step."""
        number = name.removeprefix("steps[").partition("]")[0]
        if not name.startswith("steps[") or not number.isdecimal() or int(number) >= len(self.steps):
            return False
        self.steps[int(number)].faults.append(message)
        return True

    @property
    def choices(self) -> list[tuple[str, list[tuple[str, str]]]]:
        return target_choices(self._known)

    @property
    def rows(self) -> list[tuple[StepDraft, list[ShownTarget]]]:
        return [(step, [self._shown(each) for each in step.targets]) for step in self.steps]

    def _shown(self, value: str) -> ShownTarget:
        kind, _, identifier = value.partition(":")
        try:
            name = self._known[kind].get(UUID(identifier), "")
        except (KeyError, ValueError):
            name = ""
        icon = GROUPS[TargetKind(kind)][1] if kind in list(TargetKind) else "circle-alert"
        return ShownTarget(value, name or f"A {kind} that is not here any more", icon, not name)


class PolicyForm(forms.Form):
    """Everything of a policy but its steps."""

    name = forms.CharField(max_length=200)
    description = forms.CharField(required=False, max_length=2_000, widget=forms.Textarea(attrs={"rows": 2}))
    repeat_count = forms.IntegerField(
        label="Go through all steps again", min_value=0, max_value=20, help_text="So many times, while nobody has it."
    )
    repeat_delay_minutes = forms.IntegerField(
        label="Minutes before it begins again",
        min_value=1,
        help_text="After the last time, and so many minutes, owners and team leads are told.",
    )
    acknowledgement_timeout_minutes = forms.IntegerField(
        label="An acknowledgement lapses after so many minutes without any act",
        required=False,
        min_value=1,
        help_text="Empty: it holds.",
    )
    urgent_critical = forms.ChoiceField(label="Wake people for critical incidents", choices=URGENCIES)
    urgent_high = forms.ChoiceField(label="For high ones", choices=URGENCIES)
    urgent_medium = forms.ChoiceField(label="For medium ones", choices=URGENCIES)
    urgent_low = forms.ChoiceField(label="For low ones", choices=URGENCIES)
    hours_days = forms.MultipleChoiceField(
        label="Hours: on these days", choices=WEEKDAYS, required=False, widget=forms.CheckboxSelectMultiple
    )
    hours_from = forms.CharField(label="From", required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    hours_to = forms.CharField(label="To", required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    hours_timezone = forms.ChoiceField(label="In the time zone", required=False)
    is_default = forms.BooleanField(label="For every service that names no other policy", required=False)

    #: Where a fault of the stored form is shown.
    _PLACES = {
        "urgency.hours": "hours_days",
        "urgency.hours.days": "hours_days",
        "urgency.hours.from": "hours_from",
        "urgency.hours.to": "hours_to",
        "urgency.hours.timezone": "hours_timezone",
    }

    def __init__(self, *arguments: Any, policy: EscalationPolicy, timezone: str, **keywords: Any) -> None:
        keywords.setdefault("initial", _initial(policy, timezone))
        super().__init__(*arguments, **keywords)
        self.fields["hours_timezone"].choices = [(each, each) for each in sorted(available_timezones())]  # type: ignore[attr-defined]

    def policy_fields(self, steps: StepsDraft) -> PolicyFields:
        data = self.cleaned_data
        urgent = {severity.value: data[f"urgent_{severity.value}"] for severity in Severity}
        in_hours = [severity for severity, when in urgent.items() if when == IN_HOURS]
        hours = {
            "timezone": data["hours_timezone"],
            "days": [int(day) for day in data["hours_days"]],
            "from": data["hours_from"],
            "to": data["hours_to"],
        }
        return {
            "name": data["name"],
            "description": data["description"],
            "steps": steps.as_fields(),
            "repeat_count": data["repeat_count"],
            "repeat_delay_minutes": data["repeat_delay_minutes"],
            "acknowledgement_timeout_minutes": data["acknowledgement_timeout_minutes"],
            "urgency": {
                "always_high": [severity for severity, when in urgent.items() if when == HIGH],
                "high_in_hours": in_hours,
                "hours": hours if in_hours else None,
            },
            "is_default": data["is_default"],
        }

    def add_faults(self, faults: list[dict[str, str]], steps: StepsDraft) -> None:
        """Puts each fault where it belongs: to a field, to a step, or above the form."""
        for fault in faults:
            name = self._PLACES.get(fault["field"], fault["field"])
            if not steps.add_fault(name, fault["message"]):
                self.add_error(name if name in self.fields else None, fault["message"])


def _initial(policy: EscalationPolicy, timezone: str) -> dict[str, Any]:
    urgency = policy.urgency
    hours = urgency.get("hours") or {"timezone": timezone, "days": [1, 2, 3, 4, 5], "from": "08:00", "to": "18:00"}
    initial: dict[str, Any] = {
        "name": policy.name,
        "description": policy.description,
        "repeat_count": policy.repeat_count,
        "repeat_delay_minutes": policy.repeat_delay_minutes,
        "acknowledgement_timeout_minutes": policy.acknowledgement_timeout_minutes,
        "is_default": policy.is_default,
        "hours_days": [str(day) for day in hours["days"]],
        "hours_from": hours["from"],
        "hours_to": hours["to"],
        "hours_timezone": hours["timezone"],
    }
    for severity in Severity:
        when = HIGH if severity in urgency["always_high"] else IN_HOURS if severity in urgency["high_in_hours"] else LOW
        initial[f"urgent_{severity.value}"] = when
    return initial


# ---- Calling people to an incident -------------------------------------------------------------------------


class EscalateForm(forms.Form):
    """One choice: the next step, another policy, or somebody by name."""

    whom = forms.ChoiceField(label="Whom?", required=False)
    reason = forms.CharField(
        label="Why?",
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Whoever is called reads this first.",
    )

    def __init__(self, *arguments: Any, next_step: str = "Whoever comes next", **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        policies = [(f"{POLICY_MARK}:{policy.pk}", policy.name) for policy in escalation_policies()]
        by_policy = [("From the first step of a policy", policies)] if policies else []
        choices: list[Any] = [("", next_step), *by_policy, *target_choices(known_targets())]
        self.fields["whom"].choices = choices  # type: ignore[attr-defined]


class RespondersForm(forms.Form):
    whom = forms.ChoiceField(label="Whom?")
    message = forms.CharField(
        label="What for?", required=False, max_length=LONGEST_MESSAGE, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.fields["whom"].choices = target_choices(known_targets())  # type: ignore[attr-defined]


def chosen_target(whom: str) -> Target:
    """The target that a valid choice stands for."""
    kind, _, identifier = whom.partition(":")
    return Target(TargetKind(kind), UUID(identifier))
