"""The pages of detection rules."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from detection.actions.rules import rule_create, rule_delete, rule_update
from detection.models import DetectionRule
from detection.portal.forms import RuleForm
from detection.rules.definition import DEFAULT_MATCH, DEFAULT_PARAMETERS
from detection.selectors import detection_rules, get_rule
from detection.wording import condition
from incident_center.kernel.api.problems import InvalidInput
from incident_center.kernel.portal.notices import say
from incidents.lifecycle import Severity
from organizations.access import Action
from organizations.portal.base import PortalView


class RuleListPage(PortalView):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_CONFIGURATION}

    def get(self, request: HttpRequest) -> HttpResponse:
        rules = list(detection_rules().order_by("-enabled", "name", "pk"))
        for rule in rules:
            rule.condition = condition(rule)  # type: ignore[attr-defined]
        context = {"rules": rules, "may_configure": self.member.can(Action.CONFIGURE)}
        return render(request, "detection/rules.html", context)


class RuleFormPage(PortalView):
    """What making and changing a rule share."""

    def page(self, form: RuleForm, rule: DetectionRule, *, status: int = 200, **extra: Any) -> HttpResponse:
        context = {"form": form, "rule": rule, "may_configure": self.member.can(Action.CONFIGURE), **extra}
        return render(self.request, "detection/rule.html", context, status=status)


class RuleCreatePage(RuleFormPage):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.CONFIGURE, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(RuleForm(rule=_blank()), _blank(), is_new=True)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = RuleForm(request.POST, rule=_blank())
        if not form.is_valid():
            return self.page(form, _blank(), status=400, is_new=True)
        try:
            rule = rule_create(actor=self.member.actor, fields=form.rule_fields())
        except InvalidInput as problem:
            form.add_faults(problem.members["errors"])
            return self.page(form, _blank(), status=400, is_new=True)
        say(request, f"The rule “{rule.name}” is in force." if rule.enabled else f"The rule “{rule.name}” is kept.")
        return redirect("detection:rules")


class RuleEditPage(RuleFormPage):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest, rule_id: UUID) -> HttpResponse:
        rule = get_rule(rule_id)
        form = RuleForm(rule=rule)
        if not self.member.can(Action.CONFIGURE):
            for field in form.fields.values():
                field.disabled = True
        return self.page(form, rule)

    def post(self, request: HttpRequest, rule_id: UUID) -> HttpResponse:
        rule = get_rule(rule_id)
        form = RuleForm(request.POST, rule=rule)
        if not form.is_valid():
            return self.page(form, rule, status=400)
        try:
            rule_update(rule_id=rule_id, actor=self.member.actor, changes=form.rule_fields())
        except InvalidInput as problem:
            form.add_faults(problem.members["errors"])
            return self.page(form, rule, status=400)
        say(request, f"The rule “{form.cleaned_data['name']}” is changed.")
        return redirect("detection:rules")


class RuleSwitch(PortalView):
    """Takes a rule out of force, or puts it back."""

    actions: ClassVar[dict[str, Action]] = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, rule_id: UUID) -> HttpResponse:
        enabled = request.POST.get("enabled") == "true"
        rule = rule_update(rule_id=rule_id, actor=self.member.actor, changes={"enabled": enabled})
        say(request, f"The rule “{rule.name}” is {'in force' if enabled else 'out of force'}.")
        return redirect("detection:rules")


class RuleDelete(PortalView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, rule_id: UUID) -> HttpResponse:
        name = get_rule(rule_id).name
        rule_delete(rule_id=rule_id, actor=self.member.actor)
        say(request, f"The rule “{name}” is deleted. Incidents that it opened stay.")
        return redirect("detection:rules")


def _blank() -> DetectionRule:
    return DetectionRule(match=DEFAULT_MATCH, parameters=DEFAULT_PARAMETERS, severity=Severity.HIGH)
