"""Reports that are made while nobody waits: asked for, made by a worker, removed when their time is up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from audit.actions.access_record import access_record
from audit.actions.seal import seal_organization
from audit.models import AccessKind
from incident_center.kernel.api.problems import InvalidInput, Problem
from incident_center.kernel.typesetting import TypesettingError
from incidents.events import LetterWritten, PeopleTold, letter_written, people_told
from incidents.models import ReportFile, ReportPiece
from incidents.models.report import LONGEST_REPORT_QUERY
from incidents.reports.document import incidents_pdf
from incidents.reports.query import ReportQuery, report_query
from incidents.reports.schedules import readers_among
from incidents.reports.spreadsheet import LINES_AT_ONCE, csv_pieces
from incidents.reports.wording import in_words
from organizations.access import Action
from organizations.members import Member, member_of_user

#: For a report that was not made in time, too.
KEPT_FOR = timedelta(days=7)
LEASE = timedelta(seconds=120)
SIGN_IN = "You have to be signed in to take it, and that you take it is on the record."


def report_file_request(*, member: Member, form: str, query: str) -> ReportFile:
    """Asks for a report; that it was asked for is on the record.

    Args:
        form: ``csv`` or ``pdf``.
        query: the filters, as in an address.

    Raises:
        InvalidInput: a filter cannot be read.
    """
    if len(query) > LONGEST_REPORT_QUERY:
        raise InvalidInput("query", f"At most {LONGEST_REPORT_QUERY} characters.")
    wanted = report_query(member, QueryDict(query))
    with transaction.atomic():
        subject = f"incidents as {form.upper()}, to be made"
        access_record(actor=member.actor, kind=AccessKind.EXPORTED, subject=subject, filters=wanted.filters)
        return ReportFile.objects.create(
            form=form, query=query, requested_by=member.user, expires_at=timezone.now() + KEPT_FOR
        )


def report_file_make(*, file_id: UUID) -> bool:
    """Makes what was asked for, with what its asker may see now; False where another worker has it."""
    now = timezone.now()
    claimable = Q(claimed_until=None) | Q(claimed_until__lt=now)
    row = ReportFile.objects.filter(pk=file_id)
    if not row.filter(claimable, finished_at=None).update(claimed_until=now + LEASE):
        return False
    file = row.get()
    ReportPiece.objects.filter(file=file).delete()  # Of a worker that did not come to the end.
    unfinished = row.filter(finished_at=None)  # Another worker may have come to the end meanwhile.
    try:
        size = _write(file)
    except (Problem, TypesettingError) as fault:
        unfinished.update(finished_at=timezone.now(), failure=str(getattr(fault, "detail", fault))[:500])
        return True
    with transaction.atomic():
        if unfinished.update(finished_at=timezone.now(), size=size, expires_at=timezone.now() + KEPT_FOR):
            _tell(row.get())
    return True


def report_file_remove(*, file_id: UUID) -> None:
    """Removes a report whose time is up, with its pieces."""
    ReportFile.objects.filter(pk=file_id, expires_at__lte=timezone.now()).delete()


def _tell(file: ReportFile) -> None:
    """Whoever asked for it, or, of a scheduled report, those of its recipients who may read reports now."""
    page = reverse("reports:file", args=[file.pk])
    kept = f"kept until {in_words(file.expires_at)}"
    if not file.schedule_name:
        told = PeopleTold((file.requested_by_id,), "Your report is ready", f"{file.name} is {kept}.", page)
        people_told.emit(told)
        return
    days = QueryDict(file.query)
    first, last = date.fromisoformat(days["from"]), date.fromisoformat(days["to"])
    title = f"{file.schedule_name}: {in_words(first)} to {in_words(last)}"
    body = f"{file.incidents:,} incident{'s' if file.incidents != 1 else ''}, as {file.form.upper()}, {kept}."
    readers = readers_among(file.recipients)
    people_told.emit(PeopleTold(readers, title, body, page))
    because = f"{file.requested_by} has this report sent to you"
    letter_written.emit(LetterWritten(readers, title, f"{body} {SIGN_IN}", page, "Open the report", because))


def _write(file: ReportFile) -> int:
    """The pieces, and how far it is; returns the size in bytes."""
    member = member_of_user(file.requested_by)
    if member is None or member.organization_id != file.organization_id or not member.can(Action.READ_REPORTS):
        raise InvalidInput("requested_by", "Whoever asked for the report may not read reports any more.")
    query = report_query(member, QueryDict(file.query))
    row = ReportFile.objects.filter(pk=file.pk)
    row.update(incidents=query.incidents.order_by().count(), written=0)
    size = 0
    for position, piece in enumerate(_pieces(file, member, query)):
        ReportPiece.objects.create(file=file, position=position, content=piece)
        size += len(piece)
        row.update(written=position * LINES_AT_ONCE, claimed_until=timezone.now() + LEASE)
    return size


def _pieces(file: ReportFile, member: Member, query: ReportQuery) -> Iterator[bytes]:
    if file.form == "csv":
        return csv_pieces(query.incidents, with_byte_order_mark="bom=true" in file.query)
    seal_organization(member.organization_id)
    pdf = incidents_pdf(query, organization=member.organization, made_by=member.user.name, now=timezone.now())
    return iter([pdf])
