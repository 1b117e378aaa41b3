from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.urls import reverse

from audit.actions.access_record import access_record
from audit.models import AccessKind
from incident_center.kernel.scope import Actor
from incidents.actions.report_files import KEPT_FOR
from incidents.actions.report_schedules import pause
from incidents.events import PeopleTold, people_told
from incidents.models import ReportFile, ReportSchedule
from incidents.reports.schedules import organization_zone, readers_among, responsible_of

LEFT = "{name} may not read reports any more. Whoever resumes it answers for it."


def report_schedule_run(*, schedule_id: UUID, actor: Actor, now: datetime) -> ReportFile | None:
    """Asks for the report that is due, and plans the next one; of several workers one does it.

    A worker makes it, and those of the recipients who may read reports by then are told. After a time in which
    nothing ran only the newest report is made. None where it was not due any more, or pauses from now on, since whoever
    answers for it may not read reports.
    """
    with transaction.atomic():
        due = ReportSchedule.objects.select_for_update(skip_locked=True, no_key=True).filter(next_at__lte=now)
        schedule = due.filter(pk=schedule_id).first()
        if schedule is None:
            return None
        if responsible_of(schedule) is None:
            _stop(schedule)
            return None
        cadence = schedule.cadence(organization_zone())
        first, last = cadence.days_before(cadence.latest_until(now).day)
        schedule.next_at, schedule.last_at = cadence.next_after(now).at, now
        schedule.save(update_fields=["next_at", "last_at"])
        access_record(
            actor=actor,
            kind=AccessKind.EXPORTED,
            subject=f"incidents as {schedule.form.upper()}, scheduled as “{schedule.name}”",
            filters={"query": schedule.query, "from": first.isoformat(), "to": last.isoformat()},
        )
        return ReportFile.objects.create(
            form=schedule.form,
            query=_query(schedule, first, last),
            requested_by=schedule.responsible,
            requested_at=now,
            schedule_name=schedule.name,
            recipients=schedule.recipients,
            expires_at=now + KEPT_FOR,
        )


def _query(schedule: ReportSchedule, first: date, last: date) -> str:
    return "&".join(filter(None, [schedule.query, f"from={first}&to={last}"]))


def _stop(schedule: ReportSchedule) -> None:
    reason = LEFT.format(name=schedule.responsible)
    pause(schedule, reason)
    told = readers_among(schedule.recipients)
    title = f"The report “{schedule.name}” is not sent any more"
    people_told.emit(PeopleTold(told, title, reason, reverse("reports:schedules")))
