"""Every endpoint of the product, found in the URL configuration, so that none escapes the permission table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from organizations.access import Role
from tests.factories import World


@dataclass(frozen=True)
class Endpoint:
    """One route with its view class and the names of the objects in its address."""

    route: str
    view: type
    keywords: tuple[str, ...]

    def url(self, values: dict[str, Any]) -> str:
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(values[match.group(1)]), self.route)

    def __str__(self) -> str:
        return self.route


def all_endpoints() -> list[Endpoint]:
    """Every route whose view is a class of ours."""
    return list(_walk(get_resolver().url_patterns, ""))


def _walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[Endpoint]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if not route.startswith(("admin", "accounts")):
                yield from _walk(pattern.url_patterns, route)
            continue
        view = getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)
        if view is not None:
            yield Endpoint(route, view, tuple(re.findall(r"<(?:\w+:)?(\w+)>", route)))


# For each name in an address: how a world gets such an object, and what to write into the address.
Maker = Callable[[World], Any]
MAKERS: dict[str, Maker] = {}


def makes(keyword: str) -> Callable[[Maker], Maker]:
    def register(maker: Maker) -> Maker:
        MAKERS[keyword] = maker
        return maker

    return register


@makes("service_id")
def _service(world: World) -> Any:
    return world.service().public_id


@makes("key_id")
def _key(world: World) -> Any:
    return world.key().row.pk


@makes("membership_id")
def _membership(world: World) -> Any:
    return world.members[Role.ENGINEER].pk


@makes("team_id")
def _team(world: World) -> Any:
    from organizations.actions.teams import team_create

    with world.scope():
        return team_create(actor=world.actor, name=f"team-{uuid4().hex[:8]}").pk


@makes("dead_letter_id")
def _dead_letter(world: World) -> Any:
    from ingestion.models import DeadLetter

    content, now = b'{"message": "no level"}', timezone.now()
    service = world.service()
    with world.scope():
        return DeadLetter.objects.create(
            service=service,
            kind=DeadLetter.Kind.ENTRY,
            reason="level is missing",
            content=content,
            content_type="application/json",
            size=len(content),
            digest=uuid4().bytes,
            first_seen_at=now,
            last_seen_at=now,
        ).pk


@makes("search_id")
def _saved_search(world: World) -> Any:
    from ingestion.actions.saved_searches import saved_search_create

    with world.scope():
        return saved_search_create(
            actor=world.actor,
            membership_id=world.owner.pk,
            name=f"search-{uuid4().hex[:8]}",
            query="min_level=ERROR",
            is_shared=True,
        ).pk


def _own_incident(world: World) -> Any:
    """One incident for a world, so that what hangs on it is found below its address."""
    from incidents.models import Incident
    from tests.incidents.factories import open_incident

    title = "The one of the addresses"
    with world.scope():
        return Incident.objects.filter(title=title).first() or open_incident(world, title=title)


@makes("reference")
def _incident(world: World) -> Any:
    from incidents.actions.postmortems import postmortem_begin
    from incidents.models import Postmortem

    incident = _own_incident(world)
    with world.scope():
        if not Postmortem.objects.filter(incident=incident).exists():
            postmortem_begin(incident_id=incident.pk, actor=world.actor, body="What we learnt.")
    return incident.pk


@makes("escalation_policy_id")
def _escalation_policy(world: World) -> Any:
    from tests.incidents.escalation.factories import make_policy

    name = f"policy-{uuid4().hex[:8]}"
    return make_policy(world, [(0, [world.owner.user_id])], name=name, is_default=False).pk


@makes("escalation_id")
def _escalation(world: World) -> Any:
    from incidents.actions.incident_escalate import incident_escalate
    from tests.incidents.factories import open_incident

    with world.scope():
        incident = open_incident(world)
        return incident_escalate(incident_id=incident.pk, actor=world.actor, reason="Help.").pk


@makes("link_id")
def _link(world: World) -> Any:
    from incidents.actions.incident_link import incident_link
    from incidents.models import IncidentLink
    from tests.incidents.factories import open_incident

    with world.scope():
        other = open_incident(world)
        return incident_link(
            incident_id=_own_incident(world).pk,
            actor=world.actor,
            other_id=other.pk,
            kind=IncidentLink.Kind.RELATED,
        ).pk


@makes("task_id")
def _task(world: World) -> Any:
    from incidents.actions.incident_tasks import task_add

    incident = _own_incident(world)
    with world.scope():
        return task_add(incident_id=incident.pk, actor=world.actor, fields={"title": "Look into it"}).pk


@makes("view_id")
def _view(world: World) -> Any:
    from incidents.actions.saved_views import view_save

    fields = {"name": f"view-{uuid4().hex[:8]}", "query": "status=open", "is_shared": True}
    with world.scope():
        return view_save(actor=world.actor, user_id=world.owner.user_id, **fields).pk


@makes("sla_policy_id")
def _sla_policy(world: World) -> Any:
    from incidents.models import SlaPolicy

    with world.scope():
        return SlaPolicy.objects.get(is_default=True).pk


@makes("calendar_id")
def _calendar(world: World) -> Any:
    from incidents.actions.business_calendars import business_calendar_create

    week = [[["09:00", "17:00"]]] * 5 + [[], []]
    fields = {"name": f"calendar-{uuid4().hex[:8]}", "timezone": "Europe/Berlin", "week": week}
    with world.scope():
        return business_calendar_create(actor=world.actor, fields=fields).pk


@makes("clock_id")
def _clock(world: World) -> Any:
    from incidents.models import SlaClock

    incident = _own_incident(world)
    with world.scope():
        return SlaClock.objects.filter(incident=incident)[0].pk


@makes("identifier")
def _opsgenie_alert(world: World) -> Any:
    from detection.actions.receive_alerts import receive_alerts
    from detection.models import Alert
    from ingestion.parsers.alerts.opsgenie import SOURCE
    from ingestion.parsers.alerts.signal import Signal, Step

    alias = f"alias-{uuid4().hex[:8]}"
    signal = Signal(SOURCE, alias, alias, Step.TRIGGER, title="Disk full")
    with world.scope():
        receive_alerts(actor=world.actor, signals=[signal], service_id=world.service().pk)
        return Alert.objects.get(fingerprint=alias).pk


@makes("heartbeat_id")
def _heartbeat(world: World) -> Any:
    from detection.actions.heartbeats import heartbeat_create

    with world.scope():
        return heartbeat_create(actor=world.actor, fields={"name": "backup", "period_seconds": 60}).pk


def _own_silence(world: World, kind: str) -> Any:
    from datetime import timedelta

    from detection.actions.silences import silence_create
    from detection.models import SilenceKind

    fields = {
        "reason": "Database upgrade",
        "matchers": {"environments": ["staging"]},
        "ends_at": timezone.now() + timedelta(hours=1),
    }
    with world.scope():
        return silence_create(actor=world.actor, kind=SilenceKind(kind), fields=fields).pk


@makes("silence_id")
def _silence(world: World) -> Any:
    return _own_silence(world, "silence")


@makes("window_id")
def _window(world: World) -> Any:
    return _own_silence(world, "maintenance")


@makes("rule_id")
def _rule(world: World) -> Any:
    from detection.models import DetectionRule

    with world.scope():
        return DetectionRule.objects.get().pk


@makes("channel_id")
def _channel(world: World) -> Any:
    from notifications.actions.routes import route_for_new_channel
    from notifications.channels.webhook.signing import make_secret
    from notifications.models import Channel

    # Nothing listens there, and the egress guard refuses it anyway: no test sends anything anywhere.
    url = "http://127.0.0.1:9/hook"
    with world.scope():
        channel = Channel.objects.create(
            name=f"channel-{uuid4().hex[:8]}", kind="webhook", url=url, secret=make_secret()
        )
        route_for_new_channel(channel, {})
        return channel.pk


@makes("route_id")
def _route(world: World) -> Any:
    from notifications.models import Route

    channel_id = _channel(world)
    with world.scope():
        return Route.objects.get(targets=[{"type": "channel", "id": str(channel_id)}]).pk


@makes("delivery_id")
def _delivery(world: World) -> Any:
    from notifications.models import Delivery
    from tests.incidents.factories import open_incident

    _channel(world)
    with world.scope():
        incident = open_incident(world)
        return Delivery.objects.filter(incident=incident)[0].pk


@makes("notification_id")
def _notification(world: World) -> Any:
    from notifications.models import Notification
    from tests.incidents.factories import open_incident

    with world.scope():
        incident = open_incident(world)
        return Notification.objects.filter(incident=incident)[0].pk


def _own_schedule(world: World) -> Any:
    """The world's one schedule, with a layer, an override and a swap: what is in its addresses belongs together."""
    from tests.incidents.schedules.factories import full_schedule

    return full_schedule(world)


@makes("schedule_id")
def _schedule(world: World) -> Any:
    return _own_schedule(world).pk


@makes("layer_id")
def _layer(world: World) -> Any:
    schedule = _own_schedule(world)
    with world.scope():
        return schedule.layers.get().pk


@makes("override_id")
def _override(world: World) -> Any:
    schedule = _own_schedule(world)
    with world.scope():
        return schedule.overrides.get().pk


@makes("swap_id")
def _swap(world: World) -> Any:
    schedule = _own_schedule(world)
    with world.scope():
        return schedule.swaps.get().pk


@makes("contact_id")
def _contact(world: World) -> Any:
    from notifications.models import Contact

    with world.scope():
        # An unverified one of the owner, at which nothing listens.
        return Contact.objects.create(user=world.owner.user, kind="email", address=f"{uuid4().hex}@example.com").pk


@makes("report_schedule_id")
def _report_schedule(world: World) -> Any:
    from incidents.actions.report_schedules import report_schedule_create
    from organizations.members import member_of_user

    fields = {"name": "Monday", "form": "csv", "every": "week", "weekday": 0, "hour": 8}
    with world.scope():
        member = member_of_user(world.owner.user)
        assert member is not None
        return report_schedule_create(member=member, fields={**fields, "recipients": [member.user.pk]}).pk


@makes("report_file_id")
def _report_file(world: World) -> Any:
    from incidents.actions.report_files import KEPT_FOR
    from incidents.models import ReportFile

    now = timezone.now()
    with world.scope():
        return ReportFile.objects.create(
            form="csv", requested_by=world.owner.user, finished_at=now, expires_at=now + KEPT_FOR
        ).pk
