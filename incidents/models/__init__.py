from incidents.models.analytics import ChangedDay, DailyFigure, FiguresState
from incidents.models.collaboration import Follower, IncidentLink, IncidentTask, Postmortem, SavedView
from incidents.models.coverage import CoverageDigest
from incidents.models.decision import Decision, Stage
from incidents.models.escalation import Escalation, EscalationPolicy, EscalationStepRun, Responder, ServicePolicies
from incidents.models.incident import (
    LONGEST_KEY,
    LONGEST_LABEL,
    LONGEST_TITLE,
    MOST_LINKED_LOGS,
    Incident,
    IncidentCounter,
    IncidentLog,
)
from incidents.models.report import ReportFile, ReportPiece
from incidents.models.report_schedule import ReportSchedule
from incidents.models.schedule import CalendarFeed, Schedule, ScheduleLayer, ScheduleOverride, ShiftSwap
from incidents.models.sla import BusinessCalendar, ServiceSla, SlaClock, SlaPolicy
from incidents.models.timeline import EventKind, TimelineEvent

__all__ = [
    "LONGEST_KEY",
    "LONGEST_LABEL",
    "LONGEST_TITLE",
    "MOST_LINKED_LOGS",
    "BusinessCalendar",
    "CalendarFeed",
    "ChangedDay",
    "CoverageDigest",
    "DailyFigure",
    "Decision",
    "Escalation",
    "EscalationPolicy",
    "EscalationStepRun",
    "EventKind",
    "FiguresState",
    "Follower",
    "Incident",
    "IncidentCounter",
    "IncidentLink",
    "IncidentLog",
    "IncidentTask",
    "Postmortem",
    "ReportFile",
    "ReportPiece",
    "ReportSchedule",
    "Responder",
    "SavedView",
    "Schedule",
    "ScheduleLayer",
    "ScheduleOverride",
    "ServicePolicies",
    "ServiceSla",
    "ShiftSwap",
    "SlaClock",
    "SlaPolicy",
    "Stage",
    "TimelineEvent",
]
