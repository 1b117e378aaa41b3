"""The pages of escalation policies, and the editor of their steps."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from incident_center.kernel.api.problems import Conflict, InvalidInput, Problem
from incident_center.kernel.portal.notices import complain, say
from incidents.actions.escalation_policies import (
    escalation_policy_create,
    escalation_policy_delete,
    escalation_policy_update,
)
from incidents.escalation.definition import DEFAULT_URGENCY
from incidents.escalation.options import known_targets
from incidents.escalation.selectors import (
    escalation_policies,
    get_escalation_policy,
    services_by_policy,
    services_without_policy,
)
from incidents.models import EscalationPolicy
from incidents.portal.escalation_forms import PolicyForm, StepsDraft
from organizations.access import Action
from organizations.portal.base import PortalView


class PolicyListPage(PortalView):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_CONFIGURATION}

    def get(self, request: HttpRequest) -> HttpResponse:
        known, services = known_targets(), services_by_policy()
        rows = [
            {"policy": policy, "steps": _in_words(policy, known), "services": services.get(policy.pk, [])}
            for policy in escalation_policies().order_by("-is_default", "name")
        ]
        has_default = any(row["policy"].is_default for row in rows)  # type: ignore[attr-defined]
        context = {
            "rows": rows,
            "uncovered": [] if has_default else services_without_policy(),
            "may_configure": self.member.can(Action.CONFIGURE),
        }
        return render(request, "escalation/policies.html", context)


def _in_words(policy: EscalationPolicy, known: Any) -> list[str]:
    """``Ada, then Primary after 5 min``, a step each."""
    words = []
    for step in policy.steps:
        names = ", ".join(known[each["type"]].get(UUID(each["id"]), f"a {each['type']}") for each in step["targets"])
        words.append(f"{names} after {step['delay_minutes']} min" if step["delay_minutes"] else f"{names} at once")
    return words


class PolicyFormPage(PortalView):
    """What making and changing a policy share."""

    def form(self, policy: EscalationPolicy, *arguments: Any) -> PolicyForm:
        return PolicyForm(*arguments, policy=policy, timezone=self.member.organization.timezone)

    def page(
        self, form: PolicyForm, steps: StepsDraft, policy: EscalationPolicy, *, status: int = 200, **extra: Any
    ) -> HttpResponse:
        may_configure = self.member.can(Action.CONFIGURE)
        if not may_configure:
            for each in form.fields.values():
                each.disabled = True
        context = {"form": form, "draft": steps, "policy": policy, "may_configure": may_configure, **extra}
        return render(self.request, "escalation/policy.html", context, status=status)

    def refuse(self, form: PolicyForm, steps: StepsDraft, problem: Problem) -> None:
        form.add_faults(problem.members.get("errors") or [{"field": "name", "message": problem.detail}], steps)


class PolicyCreatePage(PolicyFormPage):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.CONFIGURE, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest) -> HttpResponse:
        policy = _blank()
        policy.is_default = not escalation_policies().exists()
        return self.page(self.form(policy), StepsDraft.of_policy(policy), policy, is_new=True)

    def post(self, request: HttpRequest) -> HttpResponse:
        policy, steps = _blank(), StepsDraft.of_post(request.POST)
        form = self.form(policy, request.POST)
        if form.is_valid():
            try:
                made = escalation_policy_create(actor=self.member.actor, fields=form.policy_fields(steps))
            except (InvalidInput, Conflict) as problem:
                self.refuse(form, steps, problem)
            else:
                say(request, f"The escalation policy “{made.name}” is in force for incidents to come.")
                return redirect("escalation:policies")
        return self.page(form, steps, policy, status=400, is_new=True)


class PolicyEditPage(PolicyFormPage):
    actions: ClassVar[dict[str, Action]] = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest, escalation_policy_id: UUID) -> HttpResponse:
        policy = get_escalation_policy(escalation_policy_id)
        return self.page(self.form(policy), StepsDraft.of_policy(policy), policy)

    def post(self, request: HttpRequest, escalation_policy_id: UUID) -> HttpResponse:
        policy = get_escalation_policy(escalation_policy_id)
        form, steps = self.form(policy, request.POST), StepsDraft.of_post(request.POST)
        if form.is_valid():
            try:
                escalation_policy_update(
                    policy_id=policy.pk, actor=self.member.actor, changes=form.policy_fields(steps)
                )
            except (InvalidInput, Conflict) as problem:
                self.refuse(form, steps, problem)
            else:
                say(request, f"“{form.cleaned_data['name']}” is changed. What is under way goes on as it began.")
                return redirect("escalation:policies")
        return self.page(form, steps, policy, status=400)


class StepsFragment(PortalView):
    """The steps after a button of the editor; nothing is saved."""

    actions: ClassVar[dict[str, Action]] = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest) -> HttpResponse:
        steps = StepsDraft.of_post(request.POST)
        steps.edit(request.POST)
        return render(request, "escalation/_steps.html", {"draft": steps, "may_configure": True})


class PolicyDelete(PortalView):
    actions: ClassVar[dict[str, Action]] = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, escalation_policy_id: UUID) -> HttpResponse:
        name = get_escalation_policy(escalation_policy_id).name
        try:
            escalation_policy_delete(policy_id=escalation_policy_id, actor=self.member.actor)
        except Conflict as problem:
            complain(request, problem.detail)
            return redirect("escalation:policy", escalation_policy_id=escalation_policy_id)
        say(request, f"The escalation policy “{name}” is deleted. What is under way by it goes on.")
        return redirect("escalation:policies")


def _blank() -> EscalationPolicy:
    return EscalationPolicy(steps=[], urgency=dict(DEFAULT_URGENCY))
