"""Saved searches and chosen columns: what the explorer keeps for a person."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from incident_center.kernel.api.problems import Conflict, Problem
from incident_center.kernel.portal.notices import complain, say
from ingestion.actions.log_columns import log_columns_choose
from ingestion.actions.saved_searches import saved_search_create, saved_search_delete
from ingestion.portal.addresses import searched
from organizations.access import Action
from organizations.portal.base import PortalView


def _back(query: str) -> HttpResponse:
    """To the log page, as it was."""
    kept = searched(QueryDict(query))
    return redirect(f"{reverse('ingestion:logs')}?{kept.urlencode()}")


class SavedSearchCreateView(PortalView):
    actions = {"POST": Action.READ_LOGS}

    def post(self, request: HttpRequest) -> HttpResponse:
        query = searched(QueryDict(request.POST.get("query", ""))).urlencode()
        is_shared = bool(request.POST.get("is_shared")) and self.member.can(Action.REPAIR_LOGS)
        try:
            search = saved_search_create(
                actor=self.member.actor,
                membership_id=self.member.membership_id,
                name=request.POST.get("name", "")[:100],
                query=query,
                is_shared=is_shared,
            )
        except Problem as problem:
            complain(request, problem.detail)
        else:
            say(request, f"Saved as “{search.name}”{', for everyone who reads logs' if is_shared else ''}.")
        return _back(query)


class SavedSearchDeleteView(PortalView):
    actions = {"POST": Action.READ_LOGS}

    def post(self, request: HttpRequest, search_id: UUID) -> HttpResponse:
        try:
            search = saved_search_delete(
                actor=self.member.actor,
                membership_id=self.member.membership_id,
                search_id=search_id,
                any_shared=self.member.can(Action.CONFIGURE),
            )
        except Conflict as refused:
            complain(request, refused.detail)
        else:
            say(request, f"“{search.name}” is deleted.")
        return _back(request.POST.get("query", ""))


class LogColumnsView(PortalView):
    actions = {"POST": Action.READ_LOGS}

    def post(self, request: HttpRequest) -> HttpResponse:
        columns = request.POST.get("columns", "").split(",")
        try:
            log_columns_choose(actor=self.member.actor, membership_id=self.member.membership_id, columns=columns)
        except Problem as problem:
            complain(request, problem.detail)
        return _back(request.POST.get("query", ""))
