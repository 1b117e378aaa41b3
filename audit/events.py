"""What upper apps may listen to. Handlers run inside the transaction that keeps what was found."""

from __future__ import annotations

from dataclasses import dataclass

from audit.models import AuditVerification
from incident_center.kernel.events import Event


@dataclass(frozen=True)
class ChainBroken:
    """A verification found a fault that the one before it had not found. The organization's scope is open."""

    verification: AuditVerification


chain_broken: Event[ChainBroken] = Event("chain broken")
