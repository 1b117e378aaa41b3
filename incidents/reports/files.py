"""Reports that are kept: finding them, and handing them out."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from audit.actions.access_record import access_record
from audit.models import AccessKind
from incident_center.kernel.api.problems import NotFound
from incidents.models import ReportFile, ReportPiece
from incidents.reports.download import Form, while_allowed
from organizations.members import Member


def kept_files() -> QuerySet[ReportFile]:
    """Of the organization, the newest first; those whose time is up are gone, whether or not they were removed."""
    return ReportFile.objects.filter(expires_at__gt=timezone.now()).select_related("requested_by").order_by("-id")


def kept_file(file_id: UUID) -> ReportFile:
    """Raises:
    NotFound: there is none, or its time is up.
    """
    file = kept_files().filter(pk=file_id).first()
    if file is None:
        raise NotFound()
    return file


def file_download(member: Member, file_id: UUID) -> StreamingHttpResponse:
    """The file, piece by piece; that it was taken is on the record.

    Raises:
        NotFound: there is none, it is not finished, or its time is up.
    """
    file = kept_file(file_id)
    if not file.is_ready:
        raise NotFound()
    access_record(actor=member.actor, kind=AccessKind.EXPORTED, subject=f"the report {file.name}")
    response = StreamingHttpResponse(while_allowed(member, _pieces(file)), content_type=Form(file.form).content_type)
    response["Content-Disposition"] = f'attachment; filename="{file.name}"'
    response["Content-Length"] = str(file.size)
    return response


def _pieces(file: ReportFile) -> Iterator[bytes]:
    pieces = ReportPiece.objects.filter(file=file).order_by("position")
    for position in pieces.values_list("position", flat=True):
        yield bytes(pieces.values_list("content", flat=True).get(position=position))
