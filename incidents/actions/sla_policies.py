"""Making, changing and removing SLA policies, and saying which services they are for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound
from incident_center.kernel.scope import Actor
from incidents.actions.locking import locked
from incidents.actions.sla_clocks import clocks_recompute
from incidents.models import BusinessCalendar, ServiceSla, SlaClock, SlaPolicy
from incidents.models.sla import PAUSABLE
from incidents.sla import regulatory, targets
from organizations.models import Service

FIELDS = ("name", "description", "source", "targets", "milestones", "pause_while", "warn_percent", "is_default")
DEFAULT_NAME = "Standard"


def sla_policy_create(*, actor: Actor, fields: Mapping[str, Any]) -> SlaPolicy:
    """Makes a policy; ``template`` names a regulatory one to begin from.

    Raises:
        InvalidInput: names what is wrong.
        Conflict: the name is taken.
    """
    policy = SlaPolicy(kind=fields.get("kind", SlaPolicy.Kind.SERVICE))
    if slug := fields.get("template", ""):
        template = regulatory.template(slug)
        if template is None:
            known = ", ".join(one.slug for one in regulatory.TEMPLATES)
            raise InvalidInput("template", f"Write one of {known}.")
        policy.kind, policy.name, policy.description = SlaPolicy.Kind.REGULATORY, template.name, template.description
        policy.source, policy.milestones = template.source, template.stored_milestones()
    with transaction.atomic():
        _apply(policy, fields)
        return _saved(policy)


def default_policy_create(*, actor: Actor) -> SlaPolicy:
    """What a new organization promises until it says otherwise."""
    fields = {
        "name": DEFAULT_NAME,
        "description": "Around the clock; the resolution clock stands still while an incident is mitigated.",
        "targets": targets.DEFAULT_TARGETS,
        "pause_while": ["mitigated"],
        "is_default": True,
    }
    return sla_policy_create(actor=actor, fields=fields)


def sla_policy_update(*, policy_id: UUID, actor: Actor, changes: Mapping[str, Any]) -> SlaPolicy:
    """Changes a policy; the clocks that run under it are recomputed, and their timelines say so.

    Raises:
        NotFound, InvalidInput, Conflict: as ``sla_policy_create``.
    """
    with transaction.atomic():
        policy = _locked(policy_id)
        before = {name: getattr(policy, name) for name in ("targets", "warn_percent", "calendar_id")}
        _apply(policy, changes)
        _saved(policy)
        if policy.kind == SlaPolicy.Kind.SERVICE and before != {name: getattr(policy, name) for name in before}:
            _recompute_running(policy, actor)
    return policy


def sla_policy_remove(*, policy_id: UUID, actor: Actor) -> None:
    """Takes a policy out of use. Clocks that run under it run on; services that had it have the default.

    Raises:
        NotFound: no such policy.
        Conflict: it is the default; make another one the default first.
    """
    with transaction.atomic():
        policy = _locked(policy_id)
        if policy.is_default:
            raise Conflict(f"“{policy.name}” is the default; make another policy the default first.")
        ServiceSla.objects.filter(policy=policy).delete()
        policy.removed_at = timezone.now()
        policy.save()


def service_sla_set(*, service: Service, policy_id: UUID | None, actor: Actor) -> None:
    """Says which policy incidents of the service fall under from now on; None: the organization's default.

    Raises:
        InvalidInput: no such policy of the kind service.
    """
    if policy_id is None:
        for row in ServiceSla.objects.filter(service=service):
            row.delete()
        return
    policy = SlaPolicy.objects.filter(pk=policy_id, kind=SlaPolicy.Kind.SERVICE, removed_at=None).first()
    if policy is None:
        raise InvalidInput("sla_policy", "There is no such SLA policy.")
    row = ServiceSla.objects.filter(service=service).first() or ServiceSla(service=service)
    if row.policy_id != policy.pk:
        row.policy = policy
        row.save()


def _recompute_running(policy: SlaPolicy, actor: Actor) -> None:
    running = SlaClock.objects.filter(policy=policy).exclude(state=SlaClock.State.STOPPED)
    for incident_id in sorted(set(running.values_list("incident_id", flat=True))):
        incident = locked(incident_id)
        reason = f"the policy “{policy.name}” was changed"
        clocks_recompute(incident, policy, at=timezone.now(), actor=actor, reason=reason)


def _locked(policy_id: UUID) -> SlaPolicy:
    policies = SlaPolicy.objects.select_for_update(no_key=True, of=("self",)).select_related("calendar")
    policy = policies.filter(pk=policy_id, removed_at=None).first()
    if policy is None:
        raise NotFound()
    return policy


def _saved(policy: SlaPolicy) -> SlaPolicy:
    """Writes the policy; where it is the default now, the one before is not."""
    if policy.is_default:
        others = SlaPolicy.objects.filter(is_default=True, removed_at=None).exclude(pk=policy.pk)
        for other in others.select_for_update(no_key=True):
            other.is_default = False
            other.save()
    try:
        with transaction.atomic():
            policy.save()
    except IntegrityError as error:
        raise Conflict(f"There is a policy “{policy.name}” already.") from error
    return policy


def _apply(policy: SlaPolicy, fields: Mapping[str, Any]) -> None:
    was_default = policy.is_default
    for name in FIELDS:
        if name in fields:
            setattr(policy, name, fields[name])
    policy.name = " ".join(policy.name.split())
    if not 0 < len(policy.name) <= 100:
        raise InvalidInput("name", "Name the policy in 1 to 100 characters.")
    if was_default and not policy.is_default:
        raise InvalidInput("is_default", "Make another policy the default; then this one no longer is.")
    if not isinstance(policy.warn_percent, int) or not 1 <= policy.warn_percent <= 99:
        raise InvalidInput("warn_percent", "Write a whole number from 1 to 99.")
    if unknown := sorted(set(policy.pause_while) - set(PAUSABLE)):
        raise InvalidInput("pause_while", f"{unknown[0]!r} is not one of {', '.join(PAUSABLE)}.")
    if policy.kind == SlaPolicy.Kind.REGULATORY:
        _check(regulatory.faults_of(policy.milestones))
        if policy.is_default or policy.targets or fields.get("calendar"):
            raise InvalidInput(
                "kind", "A regulatory policy has milestones only: no targets, no calendar; nor is it a default."
            )
        return
    if policy.milestones:
        raise InvalidInput("milestones", "Only a policy of the kind regulatory has milestones.")
    _check(targets.faults_of(policy.targets))
    if "calendar" in fields:
        policy.calendar = _calendar(fields["calendar"])


def _check(faults: list[tuple[str, str]]) -> None:
    if faults:
        problem = InvalidInput(*faults[0])
        problem.members["errors"] = [{"field": field, "message": message} for field, message in faults]
        raise problem


def _calendar(calendar_id: UUID | None) -> BusinessCalendar | None:
    if calendar_id is None:
        return None
    calendar = BusinessCalendar.objects.filter(pk=calendar_id).first()
    if calendar is None:
        raise InvalidInput("calendar", "There is no such calendar.")
    return calendar
