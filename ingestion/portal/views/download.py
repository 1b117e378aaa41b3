"""Downloading what the explorer found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime

from django.http import HttpRequest, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase

from incident_center.kernel.api.problems import InvalidInput
from incident_center.kernel.scope import organization_scope
from ingestion import selectors
from ingestion.actions.log_export import log_export_begin
from ingestion.log_export import exported
from ingestion.log_filters import LogFilters
from ingestion.models import LogExport
from ingestion.portal.addresses import searched, with_span
from organizations.access import Action
from organizations.members import Member, member_of_user
from organizations.portal.base import PortalView, error_page

CONTENT_TYPES = {LogExport.Form.CSV: "text/csv; charset=utf-8", LogExport.Form.JSON_LINES: "application/x-ndjson"}


class LogDownloadView(PortalView):
    """``format=csv`` or ``jsonl`` and the page's ``query``; streamed, and told to the audit log (hence POST)."""

    actions = {"POST": Action.READ_LOGS}

    def post(self, request: HttpRequest) -> HttpResponseBase:
        wanted = request.POST.get("format", LogExport.Form.CSV.value)
        if wanted not in LogExport.Form.values:
            return error_page(request, 400, "Logs are downloaded as csv or jsonl.")
        form = LogExport.Form(wanted)
        now = datetime.now(UTC)
        wanted_logs = searched(QueryDict(request.POST.get("query", "")))
        try:
            filters = LogFilters.read(with_span(wanted_logs, now=now))
        except InvalidInput as error:
            return error_page(request, 400, error.detail)
        services = selectors.services_by_filter(service=filters.service, environment=filters.environment)
        log_export_begin(
            actor=self.member.actor,
            membership_id=self.member.membership_id,
            form=form,
            query=wanted_logs.urlencode(),
        )
        pieces = exported(
            filters.query(services, now=now), services, form, scope=_scope_of(self.member), pattern=filters.pattern
        )
        response = StreamingHttpResponse(pieces, content_type=CONTENT_TYPES[form])
        response["Content-Disposition"] = f'attachment; filename="logs-{now:%Y%m%d-%H%M%S}.{form.value}"'
        return response


def _scope_of(member: Member) -> Callable[[], AbstractContextManager[None]]:
    @contextmanager
    def scope() -> Iterator[None]:
        """Opened for each piece, since a download lasts: whoever lost the role meanwhile gets no further piece."""
        present = member_of_user(member.user)
        if present is None or present.membership_id != member.membership_id or not present.can(Action.READ_LOGS):
            raise PermissionError("the member may not read logs any more")
        with organization_scope(member.organization_id, actor=member.actor):
            yield

    return scope
