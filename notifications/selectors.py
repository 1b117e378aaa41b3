"""Reads of the inbox, the channels and the outbox; each sees the open scope's organization only."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Count, Prefetch, Q, QuerySet
from django.db.models.fields.json import KT

from incident_center.kernel.api.problems import NotFound
from incidents.models import Incident
from notifications.channels.registry import KINDS
from notifications.models import (
    Channel,
    Contact,
    Delivery,
    DeliveryAttempt,
    Drill,
    Notification,
    NotificationRules,
    NotificationStep,
    Route,
)
from organizations.members import Member

MOST_COUNTED = 100


def inbox(member: Member) -> QuerySet[Notification]:
    """The member's own notifications, newest first."""
    return Notification.objects.filter(user=member.user).select_related("incident").order_by("-id")


def unread_count(member: Member) -> int:
    """How many are unread, counted up to 100."""
    return Notification.objects.filter(user=member.user, read_at=None)[:MOST_COUNTED].count()


def channels() -> QuerySet[Channel]:
    """The channels in use, by name, with how many of their messages wait."""
    waiting = Count("deliveries", filter=Q(deliveries__state=Delivery.State.PENDING))
    return Channel.objects.filter(removed_at=None).annotate(waiting_count=waiting).order_by("name", "id")


def channels_to_the_end(incident: Incident) -> list[Channel]:
    """Open channels that have begun something about the incident which has to be ended with it, such as an issue."""
    kinds = [kind.name for kind in KINDS.values() if kind.hears_the_end]
    told = Delivery.objects.filter(incident=incident, channel__kind__in=kinds).exclude(state=Delivery.State.CANCELLED)
    known = told.order_by().values_list("channel_id", flat=True).distinct()
    return list(Channel.objects.filter(pk__in=list(known), enabled=True, removed_at=None).order_by("pk"))


def get_channel(channel_id: UUID) -> Channel:
    """Raises NotFound when absent, removed, or another organization's."""
    channel = channels().filter(pk=channel_id).first()
    if channel is None:
        raise NotFound()
    return channel


def last_deliveries(channel_ids: list[UUID]) -> dict[UUID, Delivery]:
    """The newest finished delivery of each channel."""
    newest = (
        Delivery.objects.filter(channel_id__in=channel_ids)
        .exclude(state=Delivery.State.PENDING)
        .order_by("channel_id", "-id")
        .distinct("channel_id")
        .defer("payload")
    )
    return {delivery.channel_id: delivery for delivery in newest if delivery.channel_id is not None}


def deliveries() -> QuerySet[Delivery]:
    """The outbox and its past, newest first, each with its attempts in order."""
    attempts = Prefetch("attempts", queryset=DeliveryAttempt.objects.order_by("number"))
    return (
        Delivery.objects.select_related("channel", "contact__user", "incident")
        .defer("channel__url", "channel__credential", "channel__secret", "channel__previous_secret")
        .defer("contact__address", "payload")
        .annotate(subject=KT("payload__data__subject"))  # Of a letter, which has no incident to be named by.
        .prefetch_related(attempts)
        .order_by("-id")
    )


def get_delivery(delivery_id: UUID) -> Delivery:
    """Raises NotFound when absent or another organization's."""
    delivery = deliveries().filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound()
    return delivery


def contacts_of(member: Member) -> QuerySet[Contact]:
    """The ways to reach the member, the account's own first."""
    return (
        Contact.objects.filter(user=member.user, removed_at=None)
        .select_related("user")
        .order_by("-is_account", "created_at", "pk")
    )


def rules_of(member: Member) -> NotificationRules | None:
    """The member's own rules; None while they have set none."""
    return NotificationRules.objects.filter(user=member.user).first()


def steps_of(rules: NotificationRules) -> QuerySet[NotificationStep]:
    """The steps that lead somewhere, in the order in which they are due."""
    steps = NotificationStep.objects.filter(rules=rules, contact__removed_at=None)
    return steps.select_related("contact").order_by("after_minutes", "pk")


def routes() -> QuerySet[Route]:
    """All routes in their order, those that are switched off too."""
    return Route.objects.order_by("position", "pk")


def get_route(route_id: UUID) -> Route:
    """Raises NotFound when absent or another organization's."""
    route = routes().filter(pk=route_id).first()
    if route is None:
        raise NotFound()
    return route


def routes_to(channel_id: UUID) -> QuerySet[Route]:
    """The routes that name the channel."""
    return routes().filter(targets__contains=[{"type": "channel", "id": str(channel_id)}])


def drills() -> QuerySet[Drill]:
    """All drills, newest first."""
    return (
        Drill.objects.select_related("channel", "contact__user", "incident")
        .defer("channel__url", "channel__credential", "channel__secret", "channel__previous_secret")
        .defer("contact__address")
        .order_by("-id")
    )


def channels_that_failed_their_drill() -> set[UUID]:
    """Those in use whose newest finished drill failed."""
    newest = Drill.objects.filter(channel__removed_at=None, channel__isnull=False, finished_at__isnull=False)
    newest = newest.order_by("channel_id", "-id").distinct("channel_id")
    return {drill.channel_id for drill in newest if drill.state == Drill.State.FAILED and drill.channel_id is not None}
