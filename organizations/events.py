"""What upper apps may listen to. Handlers run inside the transaction of the change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from incident_center.kernel.events import Event
from incident_center.kernel.scope import Actor
from organizations.models import Membership, Organization


@dataclass(frozen=True)
class OrganizationFounded:
    """An organization exists, and its scope is open: give it what a new one starts with."""

    organization: Organization
    actor: Actor


@dataclass(frozen=True)
class OrganizationChanged:
    """The organization's settings were changed: its name, its time zone, or for how long logs are kept."""

    organization: Organization
    actor: Actor


@dataclass(frozen=True)
class MemberChanged:
    """A member joined, or their role or activity changed."""

    membership: Membership
    actor: Actor


@dataclass(frozen=True)
class OrganizationRemoved:
    """An organization was off-boarded and its rows are gone. Files kept of it belong to its export now; outside any
    transaction.
    """

    organization: Organization
    export_folder: Path


organization_founded: Event[OrganizationFounded] = Event("organization founded")
organization_changed: Event[OrganizationChanged] = Event("organization changed")
member_changed: Event[MemberChanged] = Event("member changed")
organization_removed: Event[OrganizationRemoved] = Event("organization removed")
