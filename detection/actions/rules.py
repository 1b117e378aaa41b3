"""Making, changing and deleting detection rules. What is recorded about it, the audit trigger records."""

from __future__ import annotations

from typing import Any, TypedDict
from uuid import UUID

from django.db import transaction

from detection.models import DetectionRule, Grouping
from detection.rules.definition import DEFAULT_MATCH, DEFAULT_PARAMETERS, read_definition
from incident_center.kernel.api.problems import InvalidInput, NotFound
from incident_center.kernel.scope import Actor
from incidents.lifecycle import Severity
from organizations.models import Service

LONGEST_NAME = 200


class InvalidRule(InvalidInput):
    """Everything that is wrong with a rule at once."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__(*faults[0])
        self.members["errors"] = [{"field": name, "message": message} for name, message in faults]


class RuleFields(TypedDict, total=False):
    """What a rule is made of; ``service`` is a service's public id, or None for every service."""

    name: str
    kind: str
    enabled: bool
    service: UUID | None
    environment: str
    match: dict[str, Any]
    parameters: dict[str, Any]
    severity: str
    group_by: str


def rule_create(*, actor: Actor, fields: RuleFields) -> DetectionRule:
    """Makes a rule; what is not said is as in the default rule.

    Raises:
        InvalidInput: names every field that is wrong.
    """
    rule = DetectionRule(match=DEFAULT_MATCH, parameters=DEFAULT_PARAMETERS, severity=Severity.HIGH)
    _apply(rule, fields)
    rule.save(force_insert=True)
    return rule


def rule_update(*, rule_id: UUID, actor: Actor, changes: RuleFields) -> DetectionRule:
    """Changes a rule. Incidents that it opened stay as they are.

    Raises:
        NotFound: no such rule.
        InvalidInput: names every field that is wrong.
    """
    with transaction.atomic():
        rule = _locked(rule_id)
        _apply(rule, changes)
        rule.save()
    return rule


def rule_delete(*, rule_id: UUID, actor: Actor) -> None:
    """Deletes a rule. Incidents that it opened stay, and name it on their timelines.

    Raises:
        NotFound: no such rule.
    """
    with transaction.atomic():
        _locked(rule_id).delete()


def default_rule_create(*, actor: Actor) -> DetectionRule:
    """The rule of a new organization: more than 5 logs of level ERROR or above in 60 s, per service."""
    return rule_create(actor=actor, fields={"name": "More than 5 errors in a minute", "severity": Severity.HIGH})


def _locked(rule_id: UUID) -> DetectionRule:
    rule = DetectionRule.objects.select_for_update(no_key=True).filter(pk=rule_id).first()
    if rule is None:
        raise NotFound()
    return rule


def _apply(rule: DetectionRule, fields: RuleFields) -> None:
    faults: list[tuple[str, str]] = []
    rule.name = " ".join(fields.get("name", rule.name).split())
    if not 0 < len(rule.name) <= LONGEST_NAME:
        faults.append(("name", f"Name the rule in 1 to {LONGEST_NAME} characters."))
    rule.kind = fields.get("kind", rule.kind)
    rule.enabled = fields.get("enabled", rule.enabled)
    rule.environment = fields.get("environment", rule.environment).strip()
    rule.severity = fields.get("severity", rule.severity)
    if rule.severity not in list(Severity):
        faults.append(("severity", f"Write one of {', '.join(Severity)}."))
    rule.group_by = fields.get("group_by", rule.group_by)
    if rule.group_by not in Grouping.values:
        faults.append(("group_by", "Write service; rules are evaluated per service."))
    if "service" in fields and fields["service"] != (rule.service.public_id if rule.service else None):
        wanted = fields["service"]
        rule.service = None if wanted is None else Service.objects.filter(public_id=wanted, retired_at=None).first()
        if wanted is not None and rule.service is None:
            faults.append(("service", "There is no such service."))
    definition = read_definition(
        kind=rule.kind,
        match=fields.get("match", rule.match),
        parameters=fields.get("parameters", rule.parameters),
    )
    if faults or definition.faults:
        raise InvalidRule(faults + definition.faults)
    rule.match, rule.parameters = definition.match, definition.parameters
