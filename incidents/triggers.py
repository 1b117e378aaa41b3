"""What PostgreSQL enforces about incidents, whatever code or SQL makes the change.

The bodies are functions that the owner role made (``migrations/0001_lifecycle_functions.py``): the setting
with which pgtrigger's own bodies can be switched off does not reach them.
"""

from __future__ import annotations

import pgtrigger
from django.db import models

#: The constraint that an illegal step violates; ``incidents.actions.locking`` turns it into a 409.
STATUS_TRANSITION = "incident_status_transition"
IDENTITY = "incident_identity"


class _SharedFunction(pgtrigger.Trigger):
    func = "RETURN NEW;"  # Never called: render_execute names the shared function.
    when = pgtrigger.Before
    function = ""

    def render_execute(self, model: type[models.Model]) -> str:  # type: ignore[override]
        return f"{self.function}()"


class LifecycleGuard(_SharedFunction):
    """An incident begins open, and its status takes only the steps of ``incidents.lifecycle.NEXT``."""

    name = "lifecycle"
    operation = pgtrigger.Insert | pgtrigger.UpdateOf("status")
    function = "incident_guard_lifecycle"


class IdentityGuard(_SharedFunction):
    """Number, opening time and organization are what others refer to: they never change."""

    name = "identity"
    operation = pgtrigger.UpdateOf("id", "number", "opened_at", "organization_id")
    function = "incident_guard_identity"
