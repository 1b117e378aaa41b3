"""How changes of channels read in the audit log."""

from __future__ import annotations

from uuid import UUID

from audit.messages import Names, describes, listed_changes, names_objects
from audit.models import AuditEntry
from notifications.models import Channel, Contact, Route
from notifications.models.contact import CONTACT_KIND_WORDS

LABELS = {
    "url": "address",
    "credential": "credential",
    "previous_secret_expires_at": "end of the former secret",
}


@describes("notifications_channel")
def describe_channel(entry: AuditEntry, names: Names) -> str:
    before, after = entry.before or {}, entry.after or {}
    if entry.operation == "insert":
        return f"created the {after['kind']} channel “{after['name']}”"
    if after.get("removed_at"):
        return f"removed the channel {entry.object_id} and wiped its address"
    if set(after) == {"enabled"}:
        return f"switched the channel {entry.object_id} {'on' if after['enabled'] else 'off'}"
    if "secret" in after and "url" not in after:
        return f"made a new signing secret for the channel {entry.object_id}"
    if entry.operation == "update":
        return f"changed the channel {entry.object_id}: {listed_changes(entry, LABELS)}"
    return f"deleted the channel “{before.get('name')}”"


@names_objects("notifications_channel")
def channel_names(ids: set[UUID]) -> dict[UUID, str]:
    return {channel.pk: f"“{channel.name}”" for channel in Channel.objects.filter(pk__in=ids)}


@describes("notifications_contact")
def describe_contact(entry: AuditEntry, names: Names) -> str:
    after = entry.after or {}
    if entry.operation == "insert":
        return f"added a contact by {CONTACT_KIND_WORDS.get(after['kind'], after['kind'])}"
    if after.get("removed_at"):
        return f"removed the contact {entry.object_id} and wiped its address"
    if after.get("verified_at"):
        return f"verified the contact {entry.object_id}"
    return f"changed the contact {entry.object_id}: {listed_changes(entry, {'code_hash': 'code'})}"


@names_objects("notifications_contact")
def contact_names(ids: set[UUID]) -> dict[UUID, str]:
    contacts = Contact.objects.select_related("user").filter(pk__in=ids)
    return {contact.pk: f"“{contact.name}”" for contact in contacts}


@describes("notifications_notificationrules")
def describe_rules(entry: AuditEntry, names: Names) -> str:
    if entry.operation == "insert":
        return "set notification rules of their own"
    return f"changed their quiet hours: {listed_changes(entry, {'quiet_from': 'begin', 'quiet_until': 'end'})}"


@describes("notifications_notificationstep")
def describe_step(entry: AuditEntry, names: Names) -> str:
    step = {"urgency": "", **(entry.before or {}), **(entry.after or {})}
    if entry.operation == "delete":
        return f"took a contact out of their rules for {step['urgency']} urgency"
    words = f"after {step['after_minutes']} min"
    if entry.operation == "insert":
        return f"put a contact into their rules for {step['urgency']} urgency, {words}"
    return f"changed a step of their notification rules: {words}"


@describes("notifications_route")
def describe_route(entry: AuditEntry, names: Names) -> str:
    before, after = entry.before or {}, entry.after or {}
    if entry.operation == "insert":
        return f"made the route “{after['name']}”"
    if entry.operation == "delete":
        return f"deleted the route “{before['name']}”"
    if set(after) == {"position"}:
        return f"moved the route {entry.object_id} to place {after['position'] + 1}"
    if set(after) == {"enabled"}:
        return f"switched the route {entry.object_id} {'on' if after['enabled'] else 'off'}"
    return f"changed the route {entry.object_id}: {listed_changes(entry, {})}"


@names_objects("notifications_route")
def route_names(ids: set[UUID]) -> dict[UUID, str]:
    return {route.pk: f"“{route.name}”" for route in Route.objects.filter(pk__in=ids)}
