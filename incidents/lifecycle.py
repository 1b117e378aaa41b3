"""The lifecycle of an incident as data: which step may follow which, and what each word is worth. No Django
in here.

PostgreSQL holds the same table (``incidents/triggers.py``); a test compares the two.
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    OPEN = "open"
    INVESTIGATING = "investigating"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"

    @property
    def label(self) -> str:
        return self.value.capitalize()


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def label(self) -> str:
        return self.value.capitalize()


#: From the mildest to the worst.
SEVERITY_ORDER = (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)


class Priority(StrEnum):
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


class Source(StrEnum):
    """What opened the incident: a person, a detection rule, or an alert of another system."""

    MANUAL = "manual"
    RULE = "rule"
    ALERT = "alert"


DEFAULT_PRIORITY = {
    Severity.CRITICAL: Priority.P1,
    Severity.HIGH: Priority.P2,
    Severity.MEDIUM: Priority.P3,
    Severity.LOW: Priority.P4,
}

# Forward by any number of steps; back to investigating when the mitigation failed or the problem returned.
NEXT: dict[Status, tuple[Status, ...]] = {
    Status.OPEN: (Status.INVESTIGATING, Status.MITIGATED, Status.RESOLVED),
    Status.INVESTIGATING: (Status.MITIGATED, Status.RESOLVED),
    Status.MITIGATED: (Status.RESOLVED, Status.INVESTIGATING),
    Status.RESOLVED: (Status.INVESTIGATING,),
}


def may_follow(before: Status, after: Status) -> bool:
    return after in NEXT[before]


def needs_reason(before: Status, after: Status) -> bool:
    """Going back is told to everyone, so it says why."""
    return after is Status.INVESTIGATING and before in (Status.MITIGATED, Status.RESOLVED)
