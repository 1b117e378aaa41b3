"""The inbox for everyone; channels and deliveries for those who configure."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from incident_center.kernel.api.pagination import KeysetPagination
from notifications import selectors
from notifications.actions.channel_test import channel_test
from notifications.actions.channels import channel_create, channel_remove, channel_rotate_secret, channel_update
from notifications.actions.delivery_resend import delivery_resend
from notifications.actions.inbox import notification_mark_read, notifications_mark_all_read
from notifications.api.serializers import (
    ChannelCreateSerializer,
    ChannelSerializer,
    ChannelWriteSerializer,
    DeliveryFilterSerializer,
    DeliverySerializer,
    IssuedChannelSerializer,
    MarkedSerializer,
    MarkReadSerializer,
    NotificationFilterSerializer,
    NotificationSerializer,
    RotateSecretSerializer,
    TestAnswerSerializer,
)
from notifications.models import Channel, Delivery, Notification
from organizations.access import Action
from organizations.api.base import OrganizationApiView


class NewestFirst(KeysetPagination):
    ordering = "-id"


class ByName(KeysetPagination):
    ordering = ("name", "id")


def validated(serializer_class: Any, data: Any, **options: Any) -> dict[str, Any]:
    serializer = serializer_class(data=data, **options)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


# ---- The inbox -------------------------------------------------------------------------------------------


class NotificationListView(OrganizationApiView):
    """One's own inbox, newest first."""

    actions = {"GET": Action.OWN_ACCOUNT}
    pagination_class = NewestFirst

    @extend_schema(
        parameters=[NotificationFilterSerializer], responses=NotificationSerializer(many=True), tags=["notifications"]
    )
    def get(self, request: Request) -> Response:
        filters = validated(NotificationFilterSerializer, request.query_params)
        rows: QuerySet[Notification] = selectors.inbox(self.member)
        if filters["unread"] is not None:
            rows = rows.filter(read_at__isnull=filters["unread"])
        paginator = NewestFirst()
        page: Any = paginator.paginate_queryset(rows, request, self)
        return paginator.get_paginated_response(NotificationSerializer(page, many=True).data)


class NotificationReadView(OrganizationApiView):
    """Marks one of one's own notifications read."""

    actions = {"PATCH": Action.OWN_ACCOUNT}

    @extend_schema(request=MarkReadSerializer, responses=NotificationSerializer, tags=["notifications"])
    def patch(self, request: Request, notification_id: UUID) -> Response:
        values = validated(MarkReadSerializer, request.data)
        notification = notification_mark_read(
            actor=self.member.actor, notification_id=notification_id, read=values["read"]
        )
        return Response(NotificationSerializer(notification).data)


class NotificationsReadAllView(OrganizationApiView):
    """Marks all of one's own notifications read."""

    actions = {"POST": Action.OWN_ACCOUNT}

    @extend_schema(request=None, responses=MarkedSerializer, tags=["notifications"])
    def post(self, request: Request) -> Response:
        return Response({"marked": notifications_mark_all_read(actor=self.member.actor)})


# ---- Channels --------------------------------------------------------------------------------------------


def channel_document(channel: Channel) -> dict[str, Any]:
    """One channel, read afresh with its figures."""
    fresh = selectors.get_channel(channel.pk)
    return dict(ChannelSerializer(fresh, context={"last_deliveries": selectors.last_deliveries([fresh.pk])}).data)


class ChannelListView(OrganizationApiView):
    """The channels in use."""

    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}
    pagination_class = ByName

    @extend_schema(responses=ChannelSerializer(many=True), tags=["channels"])
    def get(self, request: Request) -> Response:
        paginator = ByName()
        page: Any = paginator.paginate_queryset(selectors.channels(), request, self)
        context = {"last_deliveries": selectors.last_deliveries([channel.pk for channel in page])}
        return paginator.get_paginated_response(ChannelSerializer(page, many=True, context=context).data)

    @extend_schema(request=ChannelCreateSerializer, responses={201: IssuedChannelSerializer}, tags=["channels"])
    def post(self, request: Request) -> Response:
        values = validated(ChannelCreateSerializer, request.data)
        issued = channel_create(actor=self.member.actor, kind=values.pop("kind"), values=values)
        return Response(IssuedChannelSerializer(issued.channel, context={"secret": issued.secret}).data, status=201)


class ChannelDetailView(OrganizationApiView):
    """One channel. DELETE takes it out of use; what it sent stays on record."""

    actions = {"GET": Action.READ_CONFIGURATION, "PATCH": Action.CONFIGURE, "DELETE": Action.CONFIGURE}

    @extend_schema(responses=ChannelSerializer, tags=["channels"])
    def get(self, request: Request, channel_id: UUID) -> Response:
        return Response(channel_document(selectors.get_channel(channel_id)))

    @extend_schema(request=ChannelWriteSerializer(partial=True), responses=ChannelSerializer, tags=["channels"])
    def patch(self, request: Request, channel_id: UUID) -> Response:
        values = validated(ChannelWriteSerializer, request.data, partial=True)
        return Response(channel_document(channel_update(actor=self.member.actor, channel_id=channel_id, values=values)))

    @extend_schema(request=None, responses={204: None}, tags=["channels"])
    def delete(self, request: Request, channel_id: UUID) -> Response:
        channel_remove(actor=self.member.actor, channel_id=channel_id)
        return Response(status=204)


class ChannelTestView(OrganizationApiView):
    """Sends a test message now and tells what the other side answered."""

    actions = {"POST": Action.CONFIGURE}

    @extend_schema(request=None, responses=TestAnswerSerializer, tags=["channels"])
    def post(self, request: Request, channel_id: UUID) -> Response:
        result = channel_test(actor=self.member.actor, channel_id=channel_id)
        return Response(TestAnswerSerializer(result).data)


class ChannelRotateSecretView(OrganizationApiView):
    """Makes a new signing secret; for the overlap, messages carry the former one's signature too."""

    actions = {"POST": Action.CONFIGURE}

    @extend_schema(request=RotateSecretSerializer, responses=IssuedChannelSerializer, tags=["channels"])
    def post(self, request: Request, channel_id: UUID) -> Response:
        values = validated(RotateSecretSerializer, request.data)
        issued = channel_rotate_secret(actor=self.member.actor, channel_id=channel_id, **values)
        return Response(IssuedChannelSerializer(issued.channel, context={"secret": issued.secret}).data)


# ---- Deliveries ------------------------------------------------------------------------------------------


class DeliveryListView(OrganizationApiView):
    """What was sent, what waits and what failed, newest first, each with its attempts."""

    actions = {"GET": Action.READ_CONFIGURATION}
    pagination_class = NewestFirst

    @extend_schema(parameters=[DeliveryFilterSerializer], responses=DeliverySerializer(many=True), tags=["deliveries"])
    def get(self, request: Request) -> Response:
        filters = validated(DeliveryFilterSerializer, request.query_params)
        rows: QuerySet[Delivery] = selectors.deliveries().filter(**filters)
        paginator = NewestFirst()
        page: Any = paginator.paginate_queryset(rows, request, self)
        return paginator.get_paginated_response(DeliverySerializer(page, many=True).data)


class DeliveryResendView(OrganizationApiView):
    """Sends a finished delivery once more, under the same id."""

    actions = {"POST": Action.CONFIGURE}

    @extend_schema(request=None, responses={202: DeliverySerializer}, tags=["deliveries"])
    def post(self, request: Request, delivery_id: UUID) -> Response:
        delivery = delivery_resend(actor=self.member.actor, delivery_id=delivery_id)
        return Response(DeliverySerializer(selectors.get_delivery(delivery.pk)).data, status=202)
