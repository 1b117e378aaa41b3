"""Making, changing and deleting escalation policies. What is recorded about it, the audit trigger records."""

from __future__ import annotations

from typing import Any, TypedDict
from uuid import UUID

from django.db import IntegrityError, transaction

from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound
from incident_center.kernel.scope import Actor
from incidents.escalation.definition import DEFAULT_URGENCY, read_policy
from incidents.escalation.options import known_targets
from incidents.models import EscalationPolicy, ServicePolicies

LONGEST_NAME = 200
LONGEST_DESCRIPTION = 2_000
_OWN = ("steps", "urgency", "repeat_count", "repeat_delay_minutes", "acknowledgement_timeout_minutes")


class InvalidPolicy(InvalidInput):
    """Everything that is wrong with a policy at once."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__(*faults[0])
        self.members["errors"] = [{"field": name, "message": message} for name, message in faults]


class PolicyFields(TypedDict, total=False):
    """What a policy is made of; the forms are those of ``incidents.escalation.definition``."""

    name: str
    description: str
    steps: list[dict[str, Any]]
    repeat_count: int
    repeat_delay_minutes: int
    acknowledgement_timeout_minutes: int | None
    urgency: dict[str, Any]
    is_default: bool


def escalation_policy_create(*, actor: Actor, fields: PolicyFields) -> EscalationPolicy:
    """Makes a policy. One that is to be the default takes that from the one that was.

    Raises:
        InvalidInput: names every field that is wrong.
        Conflict: the name is taken.
    """
    policy = EscalationPolicy(urgency=dict(DEFAULT_URGENCY))
    with transaction.atomic():
        _apply(policy, fields)
        _save(policy)
    return policy


def escalation_policy_update(*, policy_id: UUID, actor: Actor, changes: PolicyFields) -> EscalationPolicy:
    """Changes a policy, for the incidents to come: what is under way goes on as it began.

    Raises:
        NotFound: no such policy.
        InvalidInput, Conflict: as ``escalation_policy_create``.
    """
    with transaction.atomic():
        policy = _locked(policy_id)
        _apply(policy, changes)
        _save(policy)
    return policy


def escalation_policy_delete(*, policy_id: UUID, actor: Actor) -> None:
    """Deletes a policy. What is under way by it goes on: it has a copy.

    Raises:
        NotFound: no such policy.
        Conflict: services name it.
    """
    with transaction.atomic():
        policy = _locked(policy_id)
        users = ServicePolicies.objects.filter(escalation_policy=policy, service__retired_at=None)
        names = list(users.values_list("service__name", flat=True)[:5])
        if names:
            raise Conflict(f"Services escalate by it ({', '.join(names)}); give them another policy first.")
        ServicePolicies.objects.filter(escalation_policy=policy).update(escalation_policy=None)
        policy.delete()


def _locked(policy_id: UUID) -> EscalationPolicy:
    policy = EscalationPolicy.objects.select_for_update(no_key=True).filter(pk=policy_id).first()
    if policy is None:
        raise NotFound()
    return policy


def _apply(policy: EscalationPolicy, fields: PolicyFields) -> None:
    faults: list[tuple[str, str]] = []
    policy.name = " ".join(fields.get("name", policy.name).split())
    if not 0 < len(policy.name) <= LONGEST_NAME:
        faults.append(("name", f"Name the policy in 1 to {LONGEST_NAME} characters."))
    policy.description = fields.get("description", policy.description).strip()
    if len(policy.description) > LONGEST_DESCRIPTION:
        faults.append(("description", f"At most {LONGEST_DESCRIPTION:,} characters."))
    policy.is_default = bool(fields.get("is_default", policy.is_default))
    values = {name: fields.get(name, getattr(policy, name)) for name in _OWN}
    reading = read_policy(**values)
    faults += reading.faults
    if not reading.faults and "steps" in fields:
        faults += _unknown_targets(reading.steps)
    if faults:
        raise InvalidPolicy(faults)
    for name in _OWN:
        setattr(policy, name, values[name])
    policy.steps, policy.urgency = reading.steps, reading.urgency


def _unknown_targets(steps: list[dict[str, Any]]) -> list[tuple[str, str]]:
    known = known_targets()
    return [
        (f"steps[{number}].targets[{index}]", f"There is no such {target['type']} here.")
        for number, step in enumerate(steps)
        for index, target in enumerate(step["targets"])
        if UUID(target["id"]) not in known[target["type"]]
    ]


def _save(policy: EscalationPolicy) -> None:
    if policy.is_default:
        for other in EscalationPolicy.objects.select_for_update(no_key=True).filter(is_default=True):
            if other.pk != policy.pk:
                other.is_default = False
                other.save()
    try:
        with transaction.atomic():
            policy.save()
    except IntegrityError as error:
        raise Conflict(f"There is an escalation policy {policy.name!r} already.") from error
