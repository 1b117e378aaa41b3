"""System checks: a model that forgets the wall is found before it is migrated."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core import checks

from incident_center.kernel.constraints import RowLevelSecurity, SameOrganization


def register() -> None:
    checks.register(check_tenant_wall)


def check_tenant_wall(**_: Any) -> list[checks.CheckMessage]:
    """Every model with an ``organization`` has row-level security, and only composite references to its like."""
    messages: list[checks.CheckMessage] = []
    walled = {m for m in apps.get_models() if any(isinstance(c, RowLevelSecurity) for c in m._meta.constraints)}
    for model in apps.get_models():
        has_organization = any(field.name == "organization" for field in model._meta.get_fields())
        if has_organization and model not in walled and model._meta.managed:
            messages.append(
                checks.Error(
                    f"{model._meta.label} has an organization but no row-level security",
                    hint='Put *owned("table") into Meta.constraints.',
                    obj=model,
                    id="kernel.E001",
                )
            )
        if model not in walled:
            continue
        composite = {c.field for c in model._meta.constraints if isinstance(c, SameOrganization)}
        for field in model._meta.concrete_fields:
            if field.remote_field is None or field.name == "organization":
                continue
            if field.remote_field.model in walled and field.name not in composite:
                if field.remote_field.model._meta.label == "organizations.Organization":
                    continue
                messages.append(
                    checks.Error(
                        f"{model._meta.label}.{field.name} could refer to another organization's row",
                        hint='Declare it with reference(...) and add SameOrganization(field="…") to Meta.constraints.',
                        obj=model,
                        id="kernel.E002",
                    )
                )
    return messages
