"""Reads of scheduled reports: which there are, who may change one, and whom one may be sent to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from incident_center.kernel.api.problems import NotFound
from incident_center.kernel.scope import require_organization_id
from incidents.models import ReportSchedule
from organizations.access import Action, Grant, Role, allows
from organizations.members import Member, member_of_user
from organizations.models import Membership, Organization

READER_ROLES = tuple(role for role in Role if allows(role, Action.READ_REPORTS))


def report_schedules() -> QuerySet[ReportSchedule]:
    """All of the organization's, by name."""
    return ReportSchedule.objects.select_related("responsible").order_by("name", "pk")


def get_report_schedule(schedule_id: UUID) -> ReportSchedule:
    """Raises:
    NotFound: there is none.
    """
    schedule = report_schedules().filter(pk=schedule_id).first()
    if schedule is None:
        raise NotFound()
    return schedule


def may_change(member: Member, schedule: ReportSchedule) -> bool:
    """Any, or one's own, as the role says."""
    grant = member.may(Action.SCHEDULE_REPORTS)
    return grant is Grant.YES or (grant is Grant.OWN and schedule.responsible_id == member.user.pk)


def report_readers() -> QuerySet[Membership]:
    """The members to whom reports may be sent, by name."""
    readers = Membership.objects.filter(is_active=True, role__in=READER_ROLES, user__is_active=True)
    return readers.select_related("user").order_by("user__name", "pk")


def readers_among(user_ids: Iterable[UUID]) -> tuple[UUID, ...]:
    """Those of the people who may read reports now."""
    return tuple(report_readers().filter(user__in=list(user_ids)).values_list("user_id", flat=True))


def recipient_names(schedules: Sequence[ReportSchedule]) -> dict[UUID, str]:
    """The names of all to whom the schedules send, by id; those who have left among them."""
    wanted = {user_id for schedule in schedules for user_id in schedule.recipients}
    members = Membership.objects.filter(user__in=wanted).select_related("user")
    return {member.user_id: str(member.user) for member in members}


def organization_zone() -> ZoneInfo:
    """The time zone of the open scope's organization."""
    return ZoneInfo(Organization.objects.values_list("timezone", flat=True).get(pk=require_organization_id()))


def responsible_of(schedule: ReportSchedule) -> Member | None:
    """Whoever answers for the schedule, where they may still read reports."""
    member = member_of_user(schedule.responsible)
    if member is None or member.organization_id != schedule.organization_id or not member.can(Action.READ_REPORTS):
        return None
    return member
