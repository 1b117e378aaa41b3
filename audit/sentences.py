"""How changes of people, services and keys read. Upper apps bring the sentences of their own tables."""

from __future__ import annotations

from uuid import UUID

from audit.messages import Names, describes, listed_changes, names_objects
from audit.models import AuditEntry
from organizations.access import Role
from organizations.models import ApiKey, Service, Team

RANK = [Role.REPORTER, Role.AUDITOR, Role.ENGINEER, Role.TEAM_LEAD, Role.OWNER]


def _is_deletion(entry: AuditEntry) -> bool:
    return entry.operation == "delete"


def _is_creation(entry: AuditEntry) -> bool:
    return entry.operation == "insert"


@describes("organizations_membership")
def membership(entry: AuditEntry, names: Names) -> str:
    who = names.member(entry.object_id)
    after, before = entry.after or {}, entry.before or {}
    if _is_creation(entry):
        return f"joined as {Role(after['role']).label}"
    if _is_deletion(entry):
        return f"removed {names.person(before['user_id'])} from the organization"
    parts = []
    if "role" in after:
        old, new = Role(before["role"]), Role(after["role"])
        verb = "promoted" if RANK.index(new) > RANK.index(old) else "demoted"
        parts.append(f"{verb} {who} from {old.label} to {new.label}")
    if "is_active" in after:
        parts.append(f"{'reactivated' if after['is_active'] else 'deactivated'} {who}")
    return " and ".join(parts) or f"changed the membership of {who}"


@describes("organizations_organization")
def organization(entry: AuditEntry, names: Names) -> str:
    if _is_creation(entry):
        return f"founded the organization {(entry.after or {})['name']}"
    if _is_deletion(entry):
        return f"removed the organization {(entry.before or {})['name']}"
    return f"changed the organization's {listed_changes(entry, {'timezone': 'time zone'})}"


@describes("organizations_user")
def user(entry: AuditEntry, names: Names) -> str:
    who = names.person(entry.object_id)
    if _is_creation(entry):
        return f"created the account of {(entry.after or {})['name']}"
    if _is_deletion(entry):
        return f"deleted the account of {(entry.before or {})['name']}"
    return f"changed {listed_changes(entry)} of {who}'s account"


_FACTORS = {"totp": "the authenticator app", "webauthn": "a passkey", "recovery_codes": "the recovery codes"}


@describes("mfa_authenticator")
def second_factor(entry: AuditEntry, names: Names) -> str:
    who, values = names.person(entry.object_id), entry.after or entry.before or {}
    if entry.operation == "update":
        return f"changed {listed_changes(entry)} of a second factor of {who}"
    return f"{'set up' if _is_creation(entry) else 'removed'} {_FACTORS[values['type']]} of {who}"


@describes("organizations_joincode")
def join_code(entry: AuditEntry, names: Names) -> str:
    after = entry.after or {}
    if _is_creation(entry):
        return f"made a join code for {Role(after['role']).label}s, good for {after['max_uses']} uses"
    if _is_deletion(entry):
        return "deleted an old join code"
    if "uses" in after:
        return "let a new member in by the join code"
    return "ended the join code" if after.get("revoked_at") else f"changed the join code's {listed_changes(entry)}"


@describes("organizations_passwordlink")
def password_link(entry: AuditEntry, names: Names) -> str:
    after = entry.after or {}
    if _is_creation(entry):
        return f"issued a one-time password link for {names.person(after['user_id'])}"
    if _is_deletion(entry):
        return "deleted an old one-time password link"
    return "used a one-time password link" if after.get("used_at") else "ended a one-time password link"


@describes("organizations_service")
def service(entry: AuditEntry, names: Names) -> str:
    after = entry.after or {}
    if _is_creation(entry):
        return f"created the service {after['name']} in {after['environment']}"
    if _is_deletion(entry):
        return f"deleted the service {(entry.before or {})['name']}"
    if after.get("retired_at"):
        return f"retired the service {entry.object_id}"
    return f"changed of the service {entry.object_id}: {listed_changes(entry)}"


@describes("organizations_apikey")
def api_key(entry: AuditEntry, names: Names) -> str:
    after = entry.after or {}
    if _is_creation(entry):
        kind = "key" if after.get("service_id") else "gateway key"
        made = "rotated to" if after.get("rotated_from_id") else "made"
        return f"{made} the {kind} {after['name']} ({after['prefix']}…)"
    if _is_deletion(entry):
        return f"deleted the API key {(entry.before or {})['name']}"
    if after.get("revoked_at"):
        return f"revoked the API key {entry.object_id}"
    return f"changed of the API key {entry.object_id}: {listed_changes(entry)}"


@describes("organizations_team")
def team(entry: AuditEntry, names: Names) -> str:
    if entry.operation == "update":
        return f"changed of the team {entry.object_id}: {listed_changes(entry)}"
    return f"{'created' if _is_creation(entry) else 'deleted'} the team {((entry.after or entry.before) or {})['name']}"


@describes("organizations_teammember")
def team_member(entry: AuditEntry, names: Names) -> str:
    values = entry.after or entry.before or {}
    if entry.operation == "update":
        return f"changed a team's member: {listed_changes(entry)}"
    return f"{'added' if _is_creation(entry) else 'removed'} {names.member(values['membership_id'])} as a team member"


@describes("organizations_domain")
def domain(entry: AuditEntry, names: Names) -> str:
    if entry.operation == "update":
        return f"changed the host name: {listed_changes(entry)}"
    verb = "added" if _is_creation(entry) else "removed"
    return f"{verb} the host name {((entry.after or entry.before) or {})['domain']}"


_LOOKS = {"read": "read", "verified": "verified", "exported": "exported"}


@describes("audit_access")
def access(entry: AuditEntry, names: Names) -> str:
    if entry.operation != "insert":  # Refused to everyone; so someone went past the triggers.
        return f"{entry.operation}d the note of a look at the record"
    after = entry.after or {}
    filters = ", ".join(f"{name} {value}" for name, value in after["filters"].items())
    return f"{_LOOKS[after['kind']]} {after['subject']}{f' ({filters})' if filters else ''}"


@names_objects("organizations_service")
def service_names(ids: set[UUID]) -> dict[UUID, str]:
    return {one.public_id: str(one) for one in Service.objects.filter(public_id__in=ids)}


@names_objects("organizations_apikey")
def key_names(ids: set[UUID]) -> dict[UUID, str]:
    return {one.pk: str(one) for one in ApiKey.objects.filter(pk__in=ids)}


@names_objects("organizations_team")
def team_names(ids: set[UUID]) -> dict[UUID, str]:
    return {one.pk: one.name for one in Team.objects.filter(pk__in=ids)}
