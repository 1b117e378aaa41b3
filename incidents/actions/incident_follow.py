from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction

from incident_center.kernel.api.problems import InvalidInput
from incidents.actions.locking import locked
from incidents.models import Follower, Incident
from organizations.models import Membership


def incident_follow(*, incident_id: UUID, user_id: UUID) -> None:
    """Tells the person what happens to the incident from now on. Repeating it changes nothing.

    Raises:
        NotFound: no such incident.
        InvalidInput: not an active member.
    """
    with transaction.atomic():
        incident = locked(incident_id)
        if not Membership.objects.filter(user_id=user_id, is_active=True).exists():
            raise InvalidInput("user", "There is no such active member in your organization.")
        add_followers(incident, [user_id])


def incident_unfollow(*, incident_id: UUID, user_id: UUID) -> None:
    """Ends it. Whoever has the incident is told all the same."""
    Follower.objects.filter(incident_id=incident_id, user_id=user_id).delete()


def add_followers(incident: Incident, user_ids: Iterable[UUID]) -> None:
    """Part of the caller's transaction."""
    Follower.objects.bulk_create(
        [Follower(incident=incident, user_id=user_id) for user_id in user_ids], ignore_conflicts=True
    )
