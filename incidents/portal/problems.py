"""An action's refusal, put where the person looks: beside the field that it speaks of."""

from __future__ import annotations

from django import forms

from incident_center.kernel.api.problems import Problem


def problem_to_form(problem: Problem, form: forms.Form) -> None:
    """Adds the refusal to the form: each fault to its field, everything else above the form."""
    faults = problem.members.get("errors") or [{"field": "", "message": problem.detail}]
    for fault in faults:
        name = fault["field"] if fault["field"] in form.fields else None
        form.add_error(name, fault["message"])
