"""Reaching people by their own rules: which contact, when, and why, with each answer in the explain ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings

from incidents import ledger
from incidents.events import Urgency
from incidents.ledger import Ruling
from incidents.lifecycle import Severity
from incidents.models import Incident, Stage, TimelineEvent
from notifications.actions.contacts import account_contacts
from notifications.actions.outbox_write import GIVE_UP_AFTER
from notifications.contacts.quiet_hours import QuietHours, due_at
from notifications.messages import Told
from notifications.models import Contact, Delivery, NotificationRules, NotificationStep
from organizations.models import User

WAKING = frozenset({Severity.CRITICAL, Severity.HIGH})


@dataclass(frozen=True)
class PlannedStep:
    """One message to one contact of a person, and when; or, without a contact, why there is none."""

    user: User
    contact: Contact | None
    due_at: datetime
    reason: str


def urgency_of_severity(severity: str) -> Urgency:
    """Where no escalation step says: what is critical or high wakes people."""
    return Urgency.HIGH if severity in WAKING else Urgency.LOW


def page_people(
    user_ids: Sequence[UUID],
    urgency: Urgency,
    incident: Incident,
    event: TimelineEvent,
    told: Told,
    payload: Any,
) -> list[Delivery]:
    """The deliveries to the people's contacts, some of them due later; not written yet. The ledger says why each."""
    steps = plan(user_ids, urgency, incident.severity, event.at)
    ledger.record([_ruling(step, urgency, event.at) for step in steps], incident=incident)
    return [
        Delivery(
            contact=step.contact,
            incident=incident,
            event=event,
            topic=told.topic,
            sequence=event.sequence,
            payload=payload,
            next_attempt_at=step.due_at,
            created_at=event.at,
            give_up_at=step.due_at + GIVE_UP_AFTER,
        )
        for step in steps
        if step.contact is not None
    ]


def plan(user_ids: Sequence[UUID], urgency: Urgency, severity: str, at: datetime) -> list[PlannedStep]:
    """Who would be reached by what and when, in the order of the people; four queries however many they are."""
    users = {user.pk: user for user in User.objects.filter(pk__in=user_ids)}
    rules = {row.user_id: row for row in NotificationRules.objects.filter(user__in=users)}
    steps: dict[UUID, list[NotificationStep]] = defaultdict(list)
    rows = NotificationStep.objects.filter(rules__in=rules.values(), urgency=urgency).select_related("contact")
    for row in rows.order_by("after_minutes", "pk"):
        if row.contact.is_open:
            steps[row.rules_id].append(row)
    without = [users[user_id] for user_id in user_ids if user_id in users and user_id not in rules]
    accounts = account_contacts(without) if without and settings.EMAIL_CONFIGURED else {}
    planned: list[PlannedStep] = []
    for user_id in user_ids:
        if user_id not in users:
            continue
        user, own = users[user_id], rules.get(user_id)
        if own is None:
            planned.append(_by_default(user, accounts.get(user_id), at))
        else:
            planned += _by_rules(user, own, steps[own.pk], urgency, severity, at)
    return planned


def _by_default(user: User, account: Contact | None, at: datetime) -> PlannedStep:
    if account is None:
        reason = "has set no rules, and this installation sends no e-mail: the inbox is all there is"
        return PlannedStep(user, None, at, reason)
    return PlannedStep(user, account, at, "has set no rules, so the account's own address is told at once")


def _by_rules(
    user: User, rules: NotificationRules, steps: list[NotificationStep], urgency: Urgency, severity: str, at: datetime
) -> list[PlannedStep]:
    if not steps:
        return [PlannedStep(user, None, at, f"has no contact in the rules for {urgency} urgency: inbox only")]
    quiet = quiet_hours_of(rules)
    planned = []
    for step in steps:
        due = due_at(at, step.after_minutes, quiet, is_critical=severity == Severity.CRITICAL)
        plain = due_at(at, step.after_minutes, None, is_critical=False)
        after = f"after {step.after_minutes} min" if step.after_minutes else "at once"
        reason = f"the rules for {urgency} urgency say {after}"
        if due != plain:
            reason += f"; quiet hours hold it back until {rules.quiet_until:%H:%M} ({rules.time_zone})"
        planned.append(PlannedStep(user, step.contact, due, reason))
    return planned


def quiet_hours_of(rules: NotificationRules) -> QuietHours | None:
    if rules.quiet_from is None or rules.quiet_until is None:
        return None
    return QuietHours(rules.quiet_from, rules.quiet_until, ZoneInfo(rules.time_zone))


def _ruling(step: PlannedStep, urgency: Urgency, at: datetime) -> Ruling:
    data: dict[str, Any] = {"urgency": str(urgency)}
    outcome = "not_told"
    if step.contact is not None:
        outcome = "told" if step.due_at <= at else "told_later"
        data |= {"contact": str(step.contact.pk), "by": step.contact.kind, "due_at": step.due_at.isoformat()}
    return Ruling(
        Stage.CONTACT,
        outcome,
        step.reason,
        subject=f"user:{step.user.pk}",
        subject_name=str(step.user),
        data=data,
    )
