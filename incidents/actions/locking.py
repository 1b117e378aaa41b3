"""How actions take hold of incidents: one order of locks, and refusals that say what would be legal.

Order: what a detection keeps about a service, then incidents (several: by id), then the organization's
counter. Every action locks its incident before it reads anything that it decides on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import IntegrityError, transaction
from psycopg import errors

from incident_center.kernel.api.problems import Conflict, NotFound
from incidents.models import Incident
from incidents.triggers import STATUS_TRANSITION


def locked(incident_id: UUID) -> Incident:
    """The incident, locked until the transaction ends.

    The lock lets other rows refer to the incident meanwhile (deliveries, notifications), which FOR UPDATE
    would not.

    Raises:
        NotFound: there is none in this organization.
    """
    incident = Incident.objects.select_for_update(no_key=True).filter(pk=incident_id).first()
    if incident is None:
        raise NotFound()
    return incident


def locked_in_order(*incident_ids: UUID) -> dict[UUID, Incident]:
    """Several incidents, locked in the order of their ids so that two actions never wait for one another.

    Raises:
        NotFound: one of them is not in this organization.
    """
    rows = Incident.objects.select_for_update(no_key=True).filter(pk__in=incident_ids).order_by("pk")
    found = {incident.pk: incident for incident in rows}
    if len(found) < len(set(incident_ids)):
        raise NotFound()
    return found


def refuse_finished(incident: Incident) -> None:
    """Raises Conflict for an incident that was withdrawn, or that now lives on in another."""
    if incident.withdrawn_at is not None:
        raise Conflict(f"{incident.reference} was withdrawn; nothing can be changed on it any more.", allowed=[])
    if incident.merged_into_id is not None:
        target = Incident.objects.get(pk=incident.merged_into_id)
        raise Conflict(
            f"{incident.reference} was merged into {target.reference}; go on there.",
            allowed=[],
            merged_into=str(target.pk),
        )


@contextmanager
def violations_as_conflicts(incident: Incident) -> Iterator[None]:
    """Turns what the database refuses into a 409: an illegal step, or a problem that another incident holds.

    The actions ask first, so this speaks only when two changes race, or when an action forgot to ask.
    """
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        constraint = violated_constraint(error)
        if constraint == STATUS_TRANSITION:
            current = Incident.objects.get(pk=incident.pk)
            raise Conflict(
                f"{incident.reference} is {current.status}; it cannot become {incident.status}.",
                allowed=current.allowed_statuses,
            ) from error
        if constraint == "incident_one_open_problem":
            raise occupied(incident) from error
        raise


def occupied(incident: Incident) -> Conflict:
    """The refusal to reopen an incident whose problem has a newer open incident."""
    holder = (
        Incident.objects.filter(dedup_key=incident.dedup_key, withdrawn_at=None, merged_into=None)
        .exclude(status="resolved")
        .exclude(pk=incident.pk)
        .first()
    )
    name = holder.reference if holder else "another incident"
    return Conflict(
        f"{name} is open for the same problem; work there, or merge the two.",
        allowed=[],
        incident=str(holder.pk) if holder else None,
    )


def violated_constraint(error: IntegrityError) -> str | None:
    """The name of the constraint that the statement ran into."""
    cause = error.__cause__
    return cause.diag.constraint_name if isinstance(cause, errors.IntegrityError) else None
