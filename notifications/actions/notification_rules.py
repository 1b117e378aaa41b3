from __future__ import annotations

import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from uuid import UUID

from django.db import transaction

from incident_center.kernel.api.problems import InvalidInput
from incident_center.kernel.scope import Actor
from incidents.events import Urgency
from notifications.models import Contact, NotificationRules, NotificationStep
from organizations.models import User

MOST_MINUTES = 24 * 60


@dataclass(frozen=True)
class StepWanted:
    """This contact, so many minutes after the page."""

    contact_id: UUID
    after_minutes: int


@dataclass(frozen=True)
class QuietHoursWanted:
    begin: time
    end: time
    time_zone: str


def notification_rules_set(
    *,
    actor: Actor,
    user: User,
    steps: Mapping[Urgency, Sequence[StepWanted]],
    quiet_hours: QuietHoursWanted | None,
) -> NotificationRules:
    """Replaces the person's rules as a whole.

    Raises:
        InvalidInput: a contact that is not the person's own or not verified, one that is named twice for the same
            urgency, minutes out of range, a time zone that does not exist, or quiet hours of no length.
    """
    _check_quiet_hours(quiet_hours)
    with transaction.atomic():
        rules, _ = NotificationRules.objects.get_or_create(user=user)
        rules = NotificationRules.objects.select_for_update(no_key=True).get(pk=rules.pk)
        own = {contact.pk for contact in Contact.objects.filter(user=user, removed_at=None) if contact.is_open}
        wanted = [(urgency, step) for urgency in Urgency for step in steps.get(urgency, ())]
        for urgency, step in wanted:
            _check_step(urgency, step, own)
        named = [(urgency, step.contact_id) for urgency, step in wanted]
        if len(set(named)) < len(named):
            raise InvalidInput("", "Each contact can be named once for an urgency.")
        _replace_steps(rules, wanted)
        rules.quiet_from = quiet_hours.begin if quiet_hours else None
        rules.quiet_until = quiet_hours.end if quiet_hours else None
        rules.time_zone = quiet_hours.time_zone if quiet_hours else "UTC"
        rules.save(update_fields=["quiet_from", "quiet_until", "time_zone"])
    return rules


def _replace_steps(rules: NotificationRules, wanted: Sequence[tuple[Urgency, StepWanted]]) -> None:
    """Touches only what differs, so that the record shows only that."""
    after = {(str(urgency), step.contact_id): step.after_minutes for urgency, step in wanted}
    for row in NotificationStep.objects.filter(rules=rules):
        minutes = after.pop((row.urgency, row.contact_id), None)
        if minutes is None:
            row.delete()
        elif minutes != row.after_minutes:
            row.after_minutes = minutes
            row.save(update_fields=["after_minutes"])
    NotificationStep.objects.bulk_create(
        [
            NotificationStep(rules=rules, urgency=urgency, contact_id=contact_id, after_minutes=minutes)
            for (urgency, contact_id), minutes in after.items()
        ]
    )


def _check_step(urgency: Urgency, step: StepWanted, own: set[UUID]) -> None:
    if step.contact_id not in own:
        raise InvalidInput(str(urgency), "Name your own contacts, each verified with its code.")
    if not 0 <= step.after_minutes <= MOST_MINUTES:
        raise InvalidInput(str(urgency), f"Write minutes from 0 to {MOST_MINUTES}.")


def _check_quiet_hours(wanted: QuietHoursWanted | None) -> None:
    if wanted is None:
        return
    if wanted.time_zone not in zoneinfo.available_timezones():
        raise InvalidInput("quiet_hours.time_zone", "Write a time zone such as Europe/Berlin.")
    if wanted.begin == wanted.end:
        raise InvalidInput("quiet_hours.until", "Quiet hours end at another time than they begin.")
