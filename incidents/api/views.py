"""Incidents for people: look, open, work on."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from incident_center.kernel.api.pagination import KeysetPagination
from incident_center.kernel.api.problems import Forbidden
from incidents import selectors
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_assign import incident_assign
from incidents.actions.incident_change_status import incident_change_status
from incidents.actions.incident_label import incident_label
from incidents.actions.incident_merge import incident_merge
from incidents.actions.incident_note import incident_note
from incidents.actions.incident_open import incident_open
from incidents.actions.incident_update import incident_update
from incidents.actions.incident_withdraw import incident_withdraw
from incidents.actions.people import service_in_use
from incidents.api.serializers import (
    AssignSerializer,
    IncidentCreateSerializer,
    IncidentSerializer,
    IncidentUpdateSerializer,
    LinkedLogSerializer,
    MergeSerializer,
    NoteSerializer,
    StatusSerializer,
    TimelineEventSerializer,
    WithdrawSerializer,
)
from incidents.filters import ORDERINGS, filtered_incidents, ordering_of, with_sort_keys
from incidents.lifecycle import Priority, Severity, Status
from incidents.models import Incident
from incidents.names import names_for_events
from incidents.pagination import IncidentPagination
from organizations.access import Action, Grant
from organizations.api.base import OrganizationApiView
from organizations.members import Member

TAGS = ["incidents"]
DIRECTED_FIELDS = frozenset({"severity", "priority", "service"})
FILTERS = [
    OpenApiParameter("status", many=True, description="Repeated, or with commas."),
    OpenApiParameter("severity", many=True),
    OpenApiParameter("priority", many=True),
    OpenApiParameter("service", description="A service's id or name."),
    OpenApiParameter("environment"),
    OpenApiParameter("team", description="A team's id."),
    OpenApiParameter("label", many=True, description="Repeated, or with commas: it has them all."),
    OpenApiParameter("assignee", description="A user's id, me or none."),
    OpenApiParameter("source", many=True),
    OpenApiParameter("sla", description="breached: a promise is broken and unmet; due_soon: or soon will be."),
    OpenApiParameter("from", description="Opened at this time or later."),
    OpenApiParameter("to", description="Opened before this time."),
    OpenApiParameter("q", description="Words and “phrases” in title and description, or INC-42."),
    OpenApiParameter("merged", description="true: those that live on in another incident."),
    OpenApiParameter("ordering", description=f"{', '.join(ORDERINGS)}; with - in front descending."),
]


class TimelinePagination(KeysetPagination):
    ordering = ("sequence",)


class LinkedLogPagination(KeysetPagination):
    ordering = ("-timestamp", "-id")


class IncidentView(OrganizationApiView):
    """What the endpoints below one incident share."""

    def incident(self, reference: str) -> Incident:
        return selectors.incident_by_reference(self.member, reference)

    def require_direction(self, incident: Incident) -> None:
        """Raises Forbidden where the role may do this only to incidents of one's own."""
        if not selectors.may_direct(self.member, incident):
            raise Forbidden(
                f"Your role ({self.member.role.label}) may {Action.DIRECT_INCIDENTS.value} only where it has the"
                " incident: acknowledge it, or assign it to yourself, first."
            )

    def validated(self, serializer_class: Any) -> dict[str, Any]:
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def answer(self, incident: Incident, status: int = 200) -> Response:
        fresh = selectors.visible_incidents(self.member).get(pk=incident.pk)
        return Response(IncidentSerializer(fresh).data, status=status)


class IncidentListView(IncidentView):
    """The organization's incidents; a reporter's own. Withdrawn and merged ones are not listed."""

    actions = {"GET": Action.READ_INCIDENTS, "POST": Action.OPEN_INCIDENTS}
    pagination_class = KeysetPagination

    @extend_schema(parameters=FILTERS, responses=IncidentSerializer(many=True), tags=TAGS)
    def get(self, request: Request) -> Response:
        incidents = filtered_incidents(self.member, request.query_params)
        ordering = ordering_of(request.query_params)
        paginator = IncidentPagination(ordering)
        rows = with_sort_keys(incidents, ordering)
        page = paginator.paginate_queryset(rows, request, self)
        return paginator.get_paginated_response(IncidentSerializer(page, many=True).data)

    @extend_schema(request=IncidentCreateSerializer, responses={201: IncidentSerializer}, tags=TAGS)
    def post(self, request: Request) -> Response:
        data = self.validated(IncidentCreateSerializer)
        assignee_id = data["assignee"]
        if assignee_id is not None:
            _require_assigning(self.member, assignee_id)
        opened = incident_open(
            actor=self.member.actor,
            title=data["title"],
            description=data["description"],
            severity=Severity(data["severity"]),
            priority=Priority(data["priority"]) if data["priority"] else None,
            service=service_in_use(data["service"]),
            assignee_id=assignee_id,
        )
        return self.answer(opened.incident, status=201)


def _require_assigning(member: Member, assignee_id: UUID) -> None:
    """A new incident is nobody's own yet: who may direct only their own can give it to themselves at most."""
    may_assign = member.may(Action.DIRECT_INCIDENTS) is Grant.YES
    takes_it = member.may(Action.WORK_INCIDENTS) and assignee_id == member.user.pk
    if not may_assign and not takes_it:
        raise Forbidden(f"Your role ({member.role.label}) may not assign a new incident to others.")


class IncidentDetailView(IncidentView):
    """One incident, by id or number (INC-42). DELETE withdraws it: it is kept, and hidden from lists."""

    actions = {
        "GET": Action.READ_INCIDENTS,
        "PATCH": Action.WORK_INCIDENTS,
        "DELETE": Action.WITHDRAW_INCIDENTS,
    }

    @extend_schema(responses=IncidentSerializer, tags=TAGS)
    def get(self, request: Request, reference: str) -> Response:
        return Response(IncidentSerializer(self.incident(reference)).data)

    @extend_schema(request=IncidentUpdateSerializer, responses=IncidentSerializer, tags=TAGS)
    def patch(self, request: Request, reference: str) -> Response:
        incident = self.incident(reference)
        changes = self.validated(IncidentUpdateSerializer)
        version = changes.pop("version", None)
        directed = DIRECTED_FIELDS & changes.keys()
        if "assignee" in changes and changes["assignee"] != self.member.user.pk:
            directed |= {"assignee"}
        if directed:
            self.require_direction(incident)
        actor = self.member.actor
        with transaction.atomic():
            if "assignee" in changes:
                incident_assign(incident_id=incident.pk, actor=actor, assignee_id=changes.pop("assignee"))
            if "labels" in changes:
                incident_label(incident_id=incident.pk, actor=actor, labels=changes.pop("labels"))
            incident_update(incident_id=incident.pk, actor=actor, changes=changes, version=version)  # type: ignore[arg-type]
        return self.answer(incident)

    @extend_schema(
        request=WithdrawSerializer,
        responses={204: None},
        parameters=[OpenApiParameter("reason", description="Where a client cannot send a body with DELETE.")],
        tags=TAGS,
    )
    def delete(self, request: Request, reference: str) -> Response:
        incident = self.incident(reference)
        data = request.data or {"reason": request.query_params.get("reason", "")}
        serializer = WithdrawSerializer(data=data)
        serializer.is_valid(raise_exception=True)
        incident_withdraw(incident_id=incident.pk, actor=self.member.actor, reason=serializer.validated_data["reason"])
        return Response(status=204)


class StatusView(IncidentView):
    """Moves the incident along its lifecycle; 409 names the legal next states."""

    actions = {"PATCH": Action.WORK_INCIDENTS}

    @extend_schema(request=StatusSerializer, responses=IncidentSerializer, tags=TAGS)
    def patch(self, request: Request, reference: str) -> Response:
        incident = self.incident(reference)
        data = self.validated(StatusSerializer)
        incident_change_status(
            incident_id=incident.pk,
            actor=self.member.actor,
            status=Status(data["status"]),
            reason=data["reason"],
        )
        return self.answer(incident)


class AcknowledgeView(IncidentView):
    """“I have it.” Repeating it is no error; 409 where someone else was first."""

    actions = {"POST": Action.WORK_INCIDENTS}

    @extend_schema(request=None, responses=IncidentSerializer, tags=TAGS)
    def post(self, request: Request, reference: str) -> Response:
        incident = self.incident(reference)
        incident_acknowledge(incident_id=incident.pk, actor=self.member.actor)
        return self.answer(incident)


class AssignView(IncidentView):
    """Gives the incident to a member, or to nobody."""

    actions = {"POST": Action.WORK_INCIDENTS}

    @extend_schema(request=AssignSerializer, responses=IncidentSerializer, tags=TAGS)
    def post(self, request: Request, reference: str) -> Response:
        incident = self.incident(reference)
        assignee_id = self.validated(AssignSerializer)["assignee"]
        if assignee_id != self.member.user.pk:
            self.require_direction(incident)
        incident_assign(incident_id=incident.pk, actor=self.member.actor, assignee_id=assignee_id)
        return self.answer(incident)


class NoteView(IncidentView):
    """Writes a note on the timeline; it cannot be changed afterwards."""

    actions = {"POST": Action.NOTE_INCIDENTS}

    @extend_schema(request=NoteSerializer, responses={201: TimelineEventSerializer}, tags=TAGS)
    def post(self, request: Request, reference: str) -> Response:
        incident = self.incident(reference)
        body = self.validated(NoteSerializer)["body"]
        event = incident_note(incident_id=incident.pk, actor=self.member.actor, body=body)
        context = {"names": names_for_events([event])}
        return Response(TimelineEventSerializer(event, context=context).data, status=201)


class MergeView(IncidentView):
    """Declares the incident to be the same problem as another, in which it lives on."""

    actions = {"POST": Action.DIRECT_INCIDENTS}

    @extend_schema(request=MergeSerializer, responses=IncidentSerializer, tags=TAGS)
    def post(self, request: Request, reference: str) -> Response:
        incident = self.incident(reference)
        target = self.incident(self.validated(MergeSerializer)["into"])
        self.require_direction(incident)
        incident_merge(incident_id=incident.pk, actor=self.member.actor, into_id=target.pk)
        return self.answer(incident)


class TimelineView(IncidentView):
    """The timeline, oldest first."""

    actions = {"GET": Action.READ_INCIDENTS}
    pagination_class = TimelinePagination

    @extend_schema(responses=TimelineEventSerializer(many=True), tags=TAGS)
    def get(self, request: Request, reference: str) -> Response:
        paginator = TimelinePagination()
        rows = selectors.timeline(self.incident(reference))
        page = paginator.paginate_queryset(rows, request, self)
        context = {"names": names_for_events(page)}
        return paginator.get_paginated_response(TimelineEventSerializer(page, many=True, context=context).data)


class LinkedLogView(IncidentView):
    """The linked logs, newest first: the first 20 and the newest 30 of all that ``counts.logs`` counts."""

    actions = {"GET": Action.READ_LOGS}
    pagination_class = LinkedLogPagination

    @extend_schema(responses=LinkedLogSerializer(many=True), tags=TAGS)
    def get(self, request: Request, reference: str) -> Response:
        paginator = LinkedLogPagination()
        page = paginator.paginate_queryset(selectors.linked_logs(self.incident(reference)), request, self)
        return paginator.get_paginated_response(LinkedLogSerializer(page, many=True).data)
