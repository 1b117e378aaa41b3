"""Who may do what: the one permission table that API, portal and admin read.

The table is the product's (docs/architecture.md, Roles). An endpoint names the action behind each of its methods;
one that names none answers nobody, and a test refuses it.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    OWNER = "owner"
    TEAM_LEAD = "team_lead"
    ENGINEER = "engineer"
    AUDITOR = "auditor"
    REPORTER = "reporter"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ")


ROLE_CHOICES = [(role.value, role.label.capitalize()) for role in Role]


class Grant(StrEnum):
    """YES: on every object of the organization. OWN: on those that are the person's own. NO: never."""

    YES = "yes"
    OWN = "own"
    NO = "no"

    def __bool__(self) -> bool:
        return self is not Grant.NO


class Action(StrEnum):
    READ_INCIDENTS = "read incidents"
    OPEN_INCIDENTS = "open incidents"
    NOTE_INCIDENTS = "write notes on incidents"
    WORK_INCIDENTS = "acknowledge incidents, take them and change their status"
    ESCALATE_INCIDENTS = "escalate incidents by hand"
    DIRECT_INCIDENTS = "assign incidents to others, change their severity and priority, merge them"
    WITHDRAW_INCIDENTS = "withdraw incidents"
    READ_LOGS = "read logs"
    REPAIR_LOGS = "replay and delete dead letters"
    READ_CONFIGURATION = "read services, rules and channels"
    CONFIGURE = "manage services, API keys, rules, channels and routing"
    TAKE_SHIFTS = "take and swap on-call shifts"
    READ_REPORTS = "read and export reports"
    SCHEDULE_REPORTS = "schedule reports and change how they are sent"
    READ_AUDIT = "read and verify the audit log"
    READ_MEMBERS = "see the organization's members"
    MANAGE_MEMBERS = "manage members, roles and join codes"
    READ_ORGANIZATION = "see the organization's settings"
    MANAGE_ORGANIZATION = "change the organization's settings"
    OWN_ACCOUNT = "use one's own account and inbox"


_Y, _O, _N = Grant.YES, Grant.OWN, Grant.NO
_COLUMNS = (Role.OWNER, Role.TEAM_LEAD, Role.ENGINEER, Role.AUDITOR, Role.REPORTER)
_ROWS: dict[Action, tuple[Grant, Grant, Grant, Grant, Grant]] = {
    # A reporter's own incidents are those that the reporter opened.
    Action.READ_INCIDENTS: (_Y, _Y, _Y, _Y, _O),
    Action.OPEN_INCIDENTS: (_Y, _Y, _Y, _N, _Y),
    Action.NOTE_INCIDENTS: (_Y, _Y, _Y, _N, _O),
    Action.WORK_INCIDENTS: (_Y, _Y, _Y, _N, _N),
    Action.ESCALATE_INCIDENTS: (_Y, _Y, _Y, _N, _N),
    # An engineer's own: assignee, acknowledger or escalation target.
    Action.DIRECT_INCIDENTS: (_Y, _Y, _O, _N, _N),
    Action.WITHDRAW_INCIDENTS: (_Y, _N, _N, _N, _N),
    Action.READ_LOGS: (_Y, _Y, _Y, _Y, _N),
    Action.REPAIR_LOGS: (_Y, _Y, _Y, _N, _N),
    Action.READ_CONFIGURATION: (_Y, _Y, _Y, _Y, _N),
    Action.CONFIGURE: (_Y, _Y, _N, _N, _N),
    Action.TAKE_SHIFTS: (_Y, _Y, _Y, _N, _N),
    Action.READ_REPORTS: (_Y, _Y, _Y, _Y, _N),
    # One's own are those that one set, or resumed last.
    Action.SCHEDULE_REPORTS: (_Y, _Y, _O, _O, _N),
    Action.READ_AUDIT: (_Y, _N, _N, _Y, _N),
    Action.READ_MEMBERS: (_Y, _Y, _Y, _Y, _N),
    Action.MANAGE_MEMBERS: (_Y, _N, _N, _N, _N),
    Action.READ_ORGANIZATION: (_Y, _Y, _Y, _Y, _N),
    Action.MANAGE_ORGANIZATION: (_Y, _N, _N, _N, _N),
    Action.OWN_ACCOUNT: (_Y, _Y, _Y, _Y, _Y),
}
TABLE: dict[Action, dict[Role, Grant]] = {
    action: dict(zip(_COLUMNS, grants, strict=True)) for action, grants in _ROWS.items()
}


def allows(role: Role, action: Action) -> Grant:
    return TABLE[action][role]
