"""A report as the answer to a request, for the API and the portal alike."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from audit.actions.access_record import access_record
from audit.actions.seal import seal_organization
from audit.models import AccessKind
from incident_center.kernel.api.problems import InvalidInput
from incidents.models import Incident
from incidents.reports.document import incidents_pdf
from incidents.reports.incident_document import incident_pdf
from incidents.reports.query import report_query
from incidents.reports.spreadsheet import csv_pieces
from organizations.access import Action
from organizations.members import Member, member_of_user


class Form(StrEnum):
    CSV = "csv"
    PDF = "pdf"

    @property
    def content_type(self) -> str:
        return "text/csv; charset=utf-8" if self is Form.CSV else "application/pdf"


def form_of(parameters: QueryDict) -> Form:
    """CSV unless something else is asked for.

    Raises:
        InvalidInput: there is no such form.
    """
    wanted = parameters.get("format", "") or Form.CSV
    if wanted not in list(Form):
        raise InvalidInput("format", f"Write one of {', '.join(Form)}.")
    return Form(wanted)


def wants_byte_order_mark(parameters: QueryDict) -> bool:
    wanted = parameters.get("bom", "") or "false"
    if wanted not in ("true", "false"):
        raise InvalidInput("bom", "Write true or false.")
    return wanted == "true"


def incidents_download(member: Member, parameters: QueryDict) -> HttpResponseBase:
    """The incidents that the member asks for as a file; that they were taken is on the record.

    Raises:
        InvalidInput: a parameter cannot be read.
    """
    form, with_mark = form_of(parameters), wants_byte_order_mark(parameters)
    query = report_query(member, parameters)
    subject = f"incidents as {form.upper()}"
    access_record(actor=member.actor, kind=AccessKind.EXPORTED, subject=subject, filters=query.filters)
    now = timezone.now()
    response: HttpResponseBase
    if form is Form.CSV:
        pieces = while_allowed(member, csv_pieces(query.incidents, with_byte_order_mark=with_mark))
        response = StreamingHttpResponse(pieces, content_type=form.content_type)
    else:
        seal_organization(member.organization_id)
        pdf = incidents_pdf(query, organization=member.organization, made_by=member.user.name, now=now)
        response = HttpResponse(pdf, content_type=form.content_type)
    response["Content-Disposition"] = f'attachment; filename="{file_name(form, now)}"'
    return response


def incident_download(member: Member, incident: Incident) -> HttpResponse:
    """One incident as PDF/A; that it was taken is on the record."""
    access_record(actor=member.actor, kind=AccessKind.EXPORTED, subject=f"the report of {incident.reference}")
    seal_organization(member.organization_id)
    response = HttpResponse(incident_pdf(incident, now=timezone.now()), content_type=Form.PDF.content_type)
    response["Content-Disposition"] = f'attachment; filename="{incident.reference}-report.pdf"'
    return response


def while_allowed(member: Member, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces of a download, which lasts: whoever lost the role meanwhile gets no further one.

    Raises:
        PermissionError: they may not read reports any more.
    """
    for piece in pieces:
        present = member_of_user(member.user)
        if present is None or present.membership_id != member.membership_id or not present.can(Action.READ_REPORTS):
            raise PermissionError("the member may not read reports any more")
        yield piece


def file_name(form: Form, now: datetime) -> str:
    return f"incidents-{now:%Y%m%d-%H%M%S}.{form.value}"
