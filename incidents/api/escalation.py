"""Escalation policies, what runs by them, and calling people by hand."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from incident_center.kernel.api.pagination import KeysetPagination
from incident_center.kernel.api.problems import InvalidInput, NotFound
from incidents import selectors
from incidents.actions.escalation_policies import (
    escalation_policy_create,
    escalation_policy_delete,
    escalation_policy_update,
)
from incidents.actions.incident_add_responders import incident_add_responders
from incidents.actions.incident_escalate import incident_escalate
from incidents.actions.incident_take_over import incident_take_over
from incidents.api.escalation_serializers import (
    AddRespondersSerializer,
    EscalateSerializer,
    EscalationCreateSerializer,
    EscalationPolicySerializer,
    EscalationSerializer,
    ResponderSerializer,
)
from incidents.api.serializers import IncidentSerializer
from incidents.api.views import IncidentView
from incidents.escalation.selectors import escalation_policies, escalations, get_escalation_policy, responders
from incidents.models import Escalation
from organizations.access import Action
from organizations.api.base import OrganizationApiView

TAGS = ["escalation"]


class PolicyPagination(KeysetPagination):
    ordering = ("name", "id")


class EscalationPagination(KeysetPagination):
    ordering = ("-started_at", "-id")


class ResponderPagination(KeysetPagination):
    ordering = ("added_at", "id")


class PolicyView(OrganizationApiView):
    def validated(self, *, partial: bool) -> Any:
        serializer = EscalationPolicySerializer(data=self.request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data


class PolicyListView(PolicyView):
    """The organization's escalation policies, by name."""

    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}
    pagination_class = PolicyPagination

    @extend_schema(responses=EscalationPolicySerializer(many=True), tags=TAGS)
    def get(self, request: Request) -> Response:
        paginator = PolicyPagination()
        page = paginator.paginate_queryset(escalation_policies(), request, self)
        return paginator.get_paginated_response(EscalationPolicySerializer(page, many=True).data)

    @extend_schema(request=EscalationPolicySerializer, responses={201: EscalationPolicySerializer}, tags=TAGS)
    def post(self, request: Request) -> Response:
        policy = escalation_policy_create(actor=self.member.actor, fields=self.validated(partial=False))
        return Response(EscalationPolicySerializer(policy).data, status=201)


class PolicyDetailView(PolicyView):
    """One policy. What is under way by it goes on as it began, whatever becomes of it."""

    actions = {
        "GET": Action.READ_CONFIGURATION,
        "PATCH": Action.CONFIGURE,
        "PUT": Action.CONFIGURE,
        "DELETE": Action.CONFIGURE,
    }

    @extend_schema(responses=EscalationPolicySerializer, tags=TAGS)
    def get(self, request: Request, escalation_policy_id: UUID) -> Response:
        return Response(EscalationPolicySerializer(get_escalation_policy(escalation_policy_id)).data)

    @extend_schema(request=EscalationPolicySerializer(partial=True), responses=EscalationPolicySerializer, tags=TAGS)
    def patch(self, request: Request, escalation_policy_id: UUID) -> Response:
        return self._change(escalation_policy_id, partial=True)

    @extend_schema(request=EscalationPolicySerializer, responses=EscalationPolicySerializer, tags=TAGS)
    def put(self, request: Request, escalation_policy_id: UUID) -> Response:
        """As PATCH, with a whole policy."""
        return self._change(escalation_policy_id, partial=False)

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, escalation_policy_id: UUID) -> Response:
        escalation_policy_delete(policy_id=escalation_policy_id, actor=self.member.actor)
        return Response(status=204)

    def _change(self, policy_id: UUID, *, partial: bool) -> Response:
        get_escalation_policy(policy_id)
        changes = self.validated(partial=partial)
        policy = escalation_policy_update(policy_id=policy_id, actor=self.member.actor, changes=changes)
        return Response(EscalationPolicySerializer(policy).data)


class EscalationListView(IncidentView):
    """Escalations, newest first: those by policies, and those by hand."""

    actions = {"GET": Action.READ_INCIDENTS, "POST": Action.ESCALATE_INCIDENTS}
    pagination_class = EscalationPagination

    @extend_schema(
        parameters=[
            OpenApiParameter("incident", description="An incident's id, or INC-42."),
            OpenApiParameter("state", enum=Escalation.State.values),
        ],
        responses=EscalationSerializer(many=True),
        tags=TAGS,
    )
    def get(self, request: Request) -> Response:
        rows = self._visible()
        if reference := request.query_params.get("incident"):
            rows = rows.filter(incident=self.incident(reference))
        if state := request.query_params.get("state"):
            if state not in Escalation.State.values:
                raise InvalidInput("state", f"Write one of {', '.join(Escalation.State.values)}.")
            rows = rows.filter(state=state)
        paginator = EscalationPagination()
        page = paginator.paginate_queryset(rows, request, self)
        return paginator.get_paginated_response(EscalationSerializer(page, many=True).data)

    @extend_schema(request=EscalationCreateSerializer, responses={201: EscalationSerializer}, tags=TAGS)
    def post(self, request: Request) -> Response:
        data = self.validated(EscalationCreateSerializer)
        try:
            incident = self.incident(data["incident"])
        except NotFound:
            raise InvalidInput("incident", "There is no such incident.") from None
        escalation = incident_escalate(
            incident_id=incident.pk,
            actor=self.member.actor,
            reason=data["reason"],
            policy_id=data.get("policy"),
            to=data.get("to") or (),
        )
        return Response(EscalationSerializer(self._visible().get(pk=escalation.pk)).data, status=201)

    def _visible(self) -> QuerySet[Escalation]:
        return escalations(selectors.visible_incidents(self.member))


class EscalationDetailView(IncidentView):
    """One escalation, with every step that ran and whom it found."""

    actions = {"GET": Action.READ_INCIDENTS}

    @extend_schema(responses=EscalationSerializer, tags=TAGS)
    def get(self, request: Request, escalation_id: UUID) -> Response:
        found = escalations(selectors.visible_incidents(self.member)).filter(pk=escalation_id).first()
        if found is None:
            raise NotFound()
        return Response(EscalationSerializer(found).data)


class EscalateView(IncidentView):
    """Calls more people: `to` once, or by a policy, or the next step of what runs."""

    actions = {"POST": Action.ESCALATE_INCIDENTS}

    @extend_schema(request=EscalateSerializer, responses=IncidentSerializer, tags=TAGS)
    def post(self, request: Request, reference: str) -> Response:
        incident = self.incident(reference)
        data = self.validated(EscalateSerializer)
        incident_escalate(
            incident_id=incident.pk,
            actor=self.member.actor,
            reason=data["reason"],
            policy_id=data.get("policy"),
            to=data.get("to") or (),
        )
        return self.answer(incident)


class TakeOverView(IncidentView):
    """“I have it now”: assigns it to oneself and acknowledges it, whoever had it."""

    actions = {"POST": Action.WORK_INCIDENTS}

    @extend_schema(request=None, responses=IncidentSerializer, tags=TAGS)
    def post(self, request: Request, reference: str) -> Response:
        incident = self.incident(reference)
        incident_take_over(incident_id=incident.pk, actor=self.member.actor)
        return self.answer(incident)


class ResponderView(IncidentView):
    """Who was called to the incident. POST asks further people to help, beside whoever has it."""

    actions = {"GET": Action.READ_INCIDENTS, "POST": Action.ESCALATE_INCIDENTS}
    pagination_class = ResponderPagination

    @extend_schema(responses=ResponderSerializer(many=True), tags=TAGS)
    def get(self, request: Request, reference: str) -> Response:
        paginator = ResponderPagination()
        page = paginator.paginate_queryset(responders(self.incident(reference)), request, self)
        return paginator.get_paginated_response(ResponderSerializer(page, many=True).data)

    @extend_schema(request=AddRespondersSerializer, responses={201: ResponderSerializer(many=True)}, tags=TAGS)
    def post(self, request: Request, reference: str) -> Response:
        incident = self.incident(reference)
        data = self.validated(AddRespondersSerializer)
        incident_add_responders(
            incident_id=incident.pk, actor=self.member.actor, to=data["to"], message=data["message"]
        )
        rows: Any = responders(incident)
        return Response(ResponderSerializer(rows, many=True).data, status=201)
