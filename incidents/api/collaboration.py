"""Working together on an incident: followers, labels, links, tasks, the postmortem; and views of the list."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from incident_center.kernel.api.pagination import KeysetPagination
from incident_center.kernel.api.problems import NotFound
from incidents import postmortem as printing
from incidents import selectors
from incidents.actions.incident_follow import incident_follow, incident_unfollow
from incidents.actions.incident_link import incident_link, incident_unlink
from incidents.actions.incident_tasks import task_add, task_change
from incidents.actions.incident_unmerge import incident_unmerge
from incidents.actions.postmortems import postmortem_begin, postmortem_edit, postmortem_publish
from incidents.actions.saved_views import view_delete, view_save
from incidents.api.serializers import IncidentSerializer, StrictSerializer
from incidents.api.views import TAGS, IncidentView
from incidents.models import IncidentLink
from incidents.models.collaboration import LONGEST_POSTMORTEM, LONGEST_QUERY, LONGEST_TASK
from organizations.access import Action
from organizations.api.base import OrganizationApiView


class FollowerSerializer(serializers.Serializer[Any]):
    user = serializers.UUIDField(source="user_id")
    name = serializers.CharField(source="user.name")
    since = serializers.DateTimeField()


class LinkSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="link.pk")
    kind = serializers.ChoiceField(source="link.kind", choices=IncidentLink.Kind.choices)
    words = serializers.CharField(help_text="As this incident sees it, such as “was caused by”.")
    incident = serializers.UUIDField(source="other.pk")
    reference = serializers.CharField(source="other.reference")
    title = serializers.CharField(source="other.title")
    status = serializers.CharField(source="other.status")


class LinkCreateSerializer(StrictSerializer):
    incident = serializers.CharField(max_length=50, help_text="The other one: its id, or INC-42.")
    kind = serializers.ChoiceField(choices=IncidentLink.Kind.choices, default=IncidentLink.Kind.RELATED)


class TaskSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    assignee = serializers.UUIDField(source="assignee_id", allow_null=True)
    assignee_name = serializers.CharField(source="assignee.name", allow_null=True, default=None)
    due_on = serializers.DateField(allow_null=True)
    created_at = serializers.DateTimeField()
    done_at = serializers.DateTimeField(allow_null=True)
    done_by = serializers.UUIDField(source="done_by_id", allow_null=True)


class TaskWriteSerializer(StrictSerializer):
    title = serializers.CharField(max_length=LONGEST_TASK, required=False)
    assignee = serializers.UUIDField(allow_null=True, required=False, help_text="A member's user id.")
    due_on = serializers.DateField(allow_null=True, required=False)
    done = serializers.BooleanField(required=False)


class PostmortemSerializer(serializers.Serializer[Any]):
    body = serializers.CharField()
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    updated_by = serializers.UUIDField(source="updated_by_id", allow_null=True)
    published_at = serializers.DateTimeField(allow_null=True)
    published_by = serializers.UUIDField(source="published_by_id", allow_null=True)


class PostmortemBeginSerializer(StrictSerializer):
    body = serializers.CharField(
        max_length=LONGEST_POSTMORTEM, required=False, help_text="Markdown; drafted from the timeline if absent."
    )


class PostmortemEditSerializer(StrictSerializer):
    body = serializers.CharField(max_length=LONGEST_POSTMORTEM, help_text="Markdown.")
    version = serializers.IntegerField(required=False, help_text="The version that was edited.")


class SavedViewSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    query = serializers.CharField()
    is_shared = serializers.BooleanField()
    owner = serializers.UUIDField(source="owner_id")


class SavedViewWriteSerializer(StrictSerializer):
    name = serializers.CharField(max_length=60)
    query = serializers.CharField(max_length=LONGEST_QUERY, help_text="As in the address: status=open&label=payment.")
    is_shared = serializers.BooleanField(default=False)


class UnmergeView(IncidentView):
    """Takes back a merge: the incident stands for itself again."""

    actions = {"POST": Action.DIRECT_INCIDENTS}

    @extend_schema(request=None, responses=IncidentSerializer, tags=TAGS)
    def post(self, request: Request, reference: str) -> Response:
        incident = self.incident(reference)
        self.require_direction(incident)
        incident_unmerge(incident_id=incident.pk, actor=self.member.actor)
        return self.answer(incident)


class FollowerListView(IncidentView):
    """Who is told without having it. POST follows, DELETE ends it: both for oneself."""

    actions = {"GET": Action.READ_INCIDENTS, "POST": Action.READ_INCIDENTS, "DELETE": Action.READ_INCIDENTS}

    @extend_schema(responses=FollowerSerializer(many=True), tags=TAGS)
    def get(self, request: Request, reference: str) -> Response:
        return Response(FollowerSerializer(selectors.followers(self.incident(reference)), many=True).data)

    @extend_schema(request=None, responses=FollowerSerializer(many=True), tags=TAGS)
    def post(self, request: Request, reference: str) -> Response:
        incident_follow(incident_id=self.incident(reference).pk, user_id=self.member.user.pk)
        return self.get(request, reference)

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, reference: str) -> Response:
        incident_unfollow(incident_id=self.incident(reference).pk, user_id=self.member.user.pk)
        return Response(status=204)


class LinkListView(IncidentView):
    """The incidents that hang together with this one."""

    actions = {"GET": Action.READ_INCIDENTS, "POST": Action.WORK_INCIDENTS}

    @extend_schema(responses=LinkSerializer(many=True), tags=TAGS)
    def get(self, request: Request, reference: str) -> Response:
        links = selectors.linked_incidents(self.member, self.incident(reference))
        return Response(LinkSerializer(links, many=True).data)

    @extend_schema(request=LinkCreateSerializer, responses={201: LinkSerializer(many=True)}, tags=TAGS)
    def post(self, request: Request, reference: str) -> Response:
        incident = self.incident(reference)
        data = self.validated(LinkCreateSerializer)
        other = self.incident(data["incident"])
        kind = IncidentLink.Kind(data["kind"])
        incident_link(incident_id=incident.pk, actor=self.member.actor, other_id=other.pk, kind=kind)
        links = selectors.linked_incidents(self.member, incident)
        return Response(LinkSerializer(links, many=True).data, status=201)


class LinkDetailView(IncidentView):
    actions = {"DELETE": Action.WORK_INCIDENTS}

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, reference: str, link_id: UUID) -> Response:
        """Takes the link away; from either side."""
        incident_unlink(incident_id=self.incident(reference).pk, actor=self.member.actor, link_id=link_id)
        return Response(status=204)


class TaskListView(IncidentView):
    """What is to be done about the incident."""

    actions = {"GET": Action.READ_INCIDENTS, "POST": Action.WORK_INCIDENTS}

    @extend_schema(responses=TaskSerializer(many=True), tags=TAGS)
    def get(self, request: Request, reference: str) -> Response:
        return Response(TaskSerializer(selectors.tasks(self.incident(reference)), many=True).data)

    @extend_schema(request=TaskWriteSerializer, responses={201: TaskSerializer}, tags=TAGS)
    def post(self, request: Request, reference: str) -> Response:
        incident = self.incident(reference)
        data = self.validated(TaskWriteSerializer)
        task = task_add(incident_id=incident.pk, actor=self.member.actor, fields=data)  # type: ignore[arg-type]
        return Response(TaskSerializer(task).data, status=201)


class TaskDetailView(IncidentView):
    actions = {"PATCH": Action.WORK_INCIDENTS}

    @extend_schema(request=TaskWriteSerializer, responses=TaskSerializer, tags=TAGS)
    def patch(self, request: Request, reference: str, task_id: UUID) -> Response:
        """Edits the task; ``done`` marks it."""
        incident = self.incident(reference)
        data = self.validated(TaskWriteSerializer)
        task = task_change(incident_id=incident.pk, task_id=task_id, actor=self.member.actor, fields=data)  # type: ignore[arg-type]
        return Response(TaskSerializer(task).data)


class PostmortemView(IncidentView):
    """The postmortem. POST begins it, from the timeline where no text is sent; PATCH replaces the text."""

    actions = {"GET": Action.READ_INCIDENTS, "POST": Action.WORK_INCIDENTS, "PATCH": Action.WORK_INCIDENTS}

    @extend_schema(responses=PostmortemSerializer, tags=TAGS)
    def get(self, request: Request, reference: str) -> Response:
        postmortem = selectors.postmortem_of(self.incident(reference))
        if postmortem is None:
            raise NotFound()
        return Response(PostmortemSerializer(postmortem).data)

    @extend_schema(request=PostmortemBeginSerializer, responses={201: PostmortemSerializer}, tags=TAGS)
    def post(self, request: Request, reference: str) -> Response:
        incident = self.incident(reference)
        body = self.validated(PostmortemBeginSerializer).get("body") or printing.draft(incident)
        postmortem = postmortem_begin(incident_id=incident.pk, actor=self.member.actor, body=body)
        return Response(PostmortemSerializer(postmortem).data, status=201)

    @extend_schema(request=PostmortemEditSerializer, responses=PostmortemSerializer, tags=TAGS)
    def patch(self, request: Request, reference: str) -> Response:
        incident = self.incident(reference)
        data = self.validated(PostmortemEditSerializer)
        postmortem = postmortem_edit(
            incident_id=incident.pk, actor=self.member.actor, body=data["body"], version=data.get("version")
        )
        return Response(PostmortemSerializer(postmortem).data)


class PostmortemPublishView(IncidentView):
    """Declares the postmortem finished; those who have to do with the incident are told."""

    actions = {"POST": Action.WORK_INCIDENTS}

    @extend_schema(request=None, responses=PostmortemSerializer, tags=TAGS)
    def post(self, request: Request, reference: str) -> Response:
        incident = self.incident(reference)
        postmortem = postmortem_publish(incident_id=incident.pk, actor=self.member.actor)
        return Response(PostmortemSerializer(postmortem).data)


class PostmortemExportView(IncidentView):
    """The postmortem as a file."""

    actions = {"GET": Action.READ_INCIDENTS}

    @extend_schema(
        parameters=[OpenApiParameter("as", enum=["markdown", "pdf"], default="markdown")],
        responses={
            (200, "text/markdown"): OpenApiTypes.STR,
            (200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY),
        },
        tags=TAGS,
    )
    def get(self, request: Request, reference: str) -> HttpResponse:
        return printing.download(self.member, self.incident(reference), request.query_params.get("as", "markdown"))


class _ByName(KeysetPagination):
    ordering = ("name", "id")


class SavedViewListView(OrganizationApiView):
    """One's own views of the list of incidents, and those that are shared. POST replaces one's own of the same name."""

    actions = {"GET": Action.READ_INCIDENTS, "POST": Action.READ_INCIDENTS}
    pagination_class = _ByName

    @extend_schema(responses=SavedViewSerializer(many=True), tags=TAGS)
    def get(self, request: Request) -> Response:
        paginator = _ByName()
        page = paginator.paginate_queryset(selectors.saved_views(self.member), request, self)
        return paginator.get_paginated_response(SavedViewSerializer(page, many=True).data)

    @extend_schema(request=SavedViewWriteSerializer, responses={201: SavedViewSerializer}, tags=TAGS)
    def post(self, request: Request) -> Response:
        serializer = SavedViewWriteSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        view = view_save(actor=self.member.actor, user_id=self.member.user.pk, **serializer.validated_data)
        return Response(SavedViewSerializer(view).data, status=201)


class SavedViewDetailView(OrganizationApiView):
    actions = {"DELETE": Action.READ_INCIDENTS}

    @extend_schema(responses={204: None}, tags=TAGS)
    def delete(self, request: Request, view_id: UUID) -> Response:
        """Deletes one's own view; a team lead also a shared one."""
        may_delete_others = bool(self.member.can(Action.CONFIGURE))
        view_delete(view_id=view_id, user_id=self.member.user.pk, may_delete_others=may_delete_others)
        return Response(status=204)
