"""Reads of policies and of what runs for an incident; in the organization of the open scope."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Prefetch, Q, QuerySet

from incident_center.kernel.api.problems import NotFound
from incidents.models import (
    Escalation,
    EscalationPolicy,
    EscalationStepRun,
    Incident,
    Responder,
    ServicePolicies,
)
from organizations.models import Service


def escalation_policies() -> QuerySet[EscalationPolicy]:
    return EscalationPolicy.objects.order_by("name", "pk")


def get_escalation_policy(policy_id: UUID) -> EscalationPolicy:
    """Raises NotFound where there is none, or it is another organization's."""
    policy = EscalationPolicy.objects.filter(pk=policy_id).first()
    if policy is None:
        raise NotFound()
    return policy


def policies_of_services(service_keys: Collection[int]) -> Mapping[int, UUID]:
    """By a service's integer key, the policy that it names itself; those that name none are left out."""
    rows = ServicePolicies.objects.filter(service_id__in=service_keys).exclude(escalation_policy=None)
    return dict(rows.values_list("service_id", "escalation_policy_id"))


def policy_for_service(service_id: int | None) -> EscalationPolicy | None:
    """The policy by which people are told of the service's incidents: its own, or the organization's default.

    None where there is neither: then everyone who works on incidents is told at once.
    """
    own = ServicePolicies.objects.filter(service=service_id).exclude(escalation_policy=None).values("escalation_policy")
    return EscalationPolicy.objects.filter(Q(is_default=True) | Q(pk__in=own)).order_by("is_default").first()


# ---- What runs for an incident -----------------------------------------------------------------------------


def locked_running_escalation(incident: Incident) -> Escalation | None:
    """The escalation that is running, locked behind its incident, which the caller has locked."""
    running = Escalation.objects.select_for_update(no_key=True)
    return running.filter(incident=incident, state=Escalation.State.RUNNING).first()


def latest_escalation(incident: Incident) -> Escalation | None:
    """The newest that went by a policy; those by hand to named people end at once and are not meant."""
    policies = Escalation.objects.filter(incident=incident).exclude(state=Escalation.State.COMPLETED)
    return policies.order_by("-started_at", "-pk").first()


def is_responder(user_id: UUID, incident: Incident) -> bool:
    """Whether an escalation, or a person, has called the user to the incident."""
    return Responder.objects.filter(incident=incident, user=user_id).exists()


@dataclass(frozen=True)
class DueEscalation:
    """An escalation of which something is due: its next step, or the end of an acknowledgement."""

    organization_id: int
    escalation_id: UUID


def due_escalations(most: int, now: datetime) -> list[DueEscalation]:
    """What is due over all organizations, the longest due of each first. Needs no scope: a narrow function says ids."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id, escalation_id FROM due_escalations(%s, %s)", [most, now])
        return [DueEscalation(*row) for row in cursor.fetchall()]


def escalations(of: QuerySet[Incident]) -> QuerySet[Escalation]:
    """Those of the incidents, with the steps that ran; newest first."""
    runs = Prefetch("step_runs", EscalationStepRun.objects.order_by("at", "pk"))
    rows = Escalation.objects.filter(incident__in=of.order_by().values("pk")).select_related("incident")
    return rows.prefetch_related(runs).order_by("-started_at", "-pk")


def responders(incident: Incident) -> QuerySet[Responder]:
    """Who was called to the incident, in the order of the calls."""
    return Responder.objects.filter(incident=incident).select_related("user").order_by("added_at", "pk")


def services_by_policy() -> dict[UUID, list[Service]]:
    """The services in use that name a policy, by the policy."""
    found: dict[UUID, list[Service]] = {}
    rows = ServicePolicies.objects.filter(service__retired_at=None)
    for row in rows.select_related("service").order_by("service__name", "service__environment"):
        if row.escalation_policy_id is not None:
            found.setdefault(row.escalation_policy_id, []).append(row.service)
    return found


def services_without_policy() -> list[Service]:
    """The services in use that name no policy; by name."""
    own = ServicePolicies.objects.exclude(escalation_policy=None).values("service")
    return list(Service.objects.filter(retired_at=None).exclude(pk__in=own).order_by("name", "environment"))
