"""Channels and what went through them. A signing secret is shown in the answer to the request that made it."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from incident_center.kernel.api.problems import Problem
from incident_center.kernel.portal.notices import complain, say
from incidents.escalation.plan import TargetKind
from notifications import selectors
from notifications.actions.channel_test import channel_test
from notifications.actions.channels import (
    IssuedChannel,
    channel_create,
    channel_remove,
    channel_rotate_secret,
    channel_update,
)
from notifications.actions.delivery_resend import delivery_resend
from notifications.actions.lanes import BREAKS_AT
from notifications.channels.base import ChannelKind
from notifications.channels.registry import KINDS, channel_kind, shown_address
from notifications.models import Channel, Delivery
from notifications.portal.forms import (
    EVERY,
    ChannelForm,
    DeliveryFilterForm,
    NewChannelForm,
    RotateSecretForm,
    initial_of,
)
from notifications.portal.pages import keyset_page
from notifications.slack_links import interaction_address
from organizations.access import Action
from organizations.portal.base import PortalView
from organizations.portal.forms import show_problem

DELIVERIES_ON_A_CHANNEL = 10


class ChannelsView(PortalView):
    actions = {"GET": Action.READ_CONFIGURATION}

    def get(self, request: HttpRequest) -> HttpResponse:
        found = list(selectors.channels())
        last = selectors.last_deliveries([channel.pk for channel in found])
        failed_drills = selectors.channels_that_failed_their_drill()
        routes_by_channel = Counter(
            aim.id
            for route in selectors.routes()
            if route.enabled
            for aim in route.aims
            if aim.kind is TargetKind.CHANNEL
        )
        rows = [
            {
                "channel": channel,
                "kind": KINDS.get(channel.kind),
                "address": shown_address(channel.kind, channel.url),
                "failed_drill": channel.pk in failed_drills,
                "last": last.get(channel.pk),
                "route_count": routes_by_channel[channel.pk],
            }
            for channel in found
        ]
        context = {"rows": rows, "kinds": KINDS.values(), "may_configure": self.member.can(Action.CONFIGURE)}
        return render(request, "notifications/channels.html", context)


class ChannelCreateView(PortalView):
    """Without ``kind`` in the address one chooses it first."""

    actions = {"GET": Action.CONFIGURE, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest) -> HttpResponse:
        kind = KINDS.get(request.GET.get("kind", ""))
        return self._page(request, kind, NewChannelForm(kind) if kind else None)

    def post(self, request: HttpRequest) -> HttpResponse:
        kind = channel_kind(request.GET.get("kind", ""))
        form = NewChannelForm(kind, request.POST)
        if form.is_valid():
            try:
                issued = channel_create(actor=self.member.actor, kind=kind.name, values=form.values())
            except Problem as problem:
                show_problem(form, problem)
            else:
                say(request, f"{issued.channel} is made. Send a test to see that messages arrive.")
                return issued_page(self, request, issued)
        return self._page(request, kind, form, status=400)

    def _page(
        self, request: HttpRequest, kind: ChannelKind | None, form: ChannelForm | None, status: int = 200
    ) -> HttpResponse:
        context = {"kind": kind, "kinds": KINDS.values(), "form": form}
        return render(request, "notifications/channel_create.html", context, status=status)


def issued_page(view: PortalView, request: HttpRequest, issued: IssuedChannel) -> HttpResponse:
    """The channel's page with the secret on it, this once; a kind without one goes there by redirect."""
    if not issued.secret:
        return redirect("notifications:channel", channel_id=issued.channel.pk)
    return channel_page(view, request, selectors.get_channel(issued.channel.pk), secret=issued.secret)


def channel_page(
    view: PortalView, request: HttpRequest, channel: Channel, *, status: int = 200, **extra: Any
) -> HttpResponse:
    """One channel: its settings, and what went through it lately."""
    kind = channel_kind(channel.kind)
    context = {
        "channel": channel,
        "kind": kind,
        "address": shown_address(channel.kind, channel.url),
        "facts": [
            ("Kind", kind.label),
            ("Address", shown_address(channel.kind, channel.url)),
            ("Drill", drill_words(channel)),
            *answer_facts(channel, kind),
        ],
        "lane": lane if (lane := getattr(channel, "lane", None)) and lane.failures >= BREAKS_AT else None,
        "routes": list(selectors.routes_to(channel.pk)),
        "form": ChannelForm(kind, channel=channel, initial=initial_of(channel)),
        "rotate_form": RotateSecretForm(),
        "deliveries": list(selectors.deliveries().filter(channel=channel)[:DELIVERIES_ON_A_CHANNEL]),
        "may_configure": view.member.can(Action.CONFIGURE),
        **extra,
    }
    return render(request, "notifications/channel.html", context, status=status)


def drill_words(channel: Channel) -> str:
    """How often, and what came of the last."""
    often = dict(EVERY).get(channel.drill_every_days, f"Every {channel.drill_every_days} days")
    last = selectors.drills().filter(channel=channel).first()
    return f"{often}; the last one: {last.get_state_display()}" if last else f"{often}; none yet"


def answer_facts(channel: Channel, kind: ChannelKind) -> list[tuple[str, str]]:
    """Where people's answers are to be sent, for the settings of the app on the other side."""
    if not kind.signature_label:
        return []
    if not channel.secret:
        return [("Buttons", "None: there is no signing secret to know Slack by")]
    return [("Request URL for interactivity", interaction_address(channel))]


class ChannelView(PortalView):
    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest, channel_id: UUID) -> HttpResponse:
        return channel_page(self, request, selectors.get_channel(channel_id))

    def post(self, request: HttpRequest, channel_id: UUID) -> HttpResponse:
        channel = selectors.get_channel(channel_id)
        form = ChannelForm(channel_kind(channel.kind), request.POST, channel=channel)
        if form.is_valid():
            try:
                channel_update(actor=self.member.actor, channel_id=channel_id, values=form.values())
            except Problem as problem:
                show_problem(form, problem)
            else:
                say(request, "The channel is saved.")
                return redirect("notifications:channel", channel_id=channel_id)
        return channel_page(self, request, channel, status=400, form=form, form_is_open=True)


class ChannelTestView(PortalView):
    """Sends a test message and shows what the other side answered; GET, by which a page is refreshed, sends none."""

    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest, channel_id: UUID) -> HttpResponse:
        return channel_page(self, request, selectors.get_channel(channel_id))

    def post(self, request: HttpRequest, channel_id: UUID) -> HttpResponse:
        result = channel_test(actor=self.member.actor, channel_id=channel_id)
        return channel_page(self, request, selectors.get_channel(channel_id), test_result=result)


class ChannelRotateSecretView(PortalView):
    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest, channel_id: UUID) -> HttpResponse:
        return channel_page(self, request, selectors.get_channel(channel_id))

    def post(self, request: HttpRequest, channel_id: UUID) -> HttpResponse:
        channel = selectors.get_channel(channel_id)
        form = RotateSecretForm(request.POST)
        if form.is_valid():
            issued = channel_rotate_secret(actor=self.member.actor, channel_id=channel_id, **form.cleaned_data)
            return issued_page(self, request, issued)
        return channel_page(self, request, channel, status=400, rotate_form=form, rotate_is_open=True)


class ChannelRemoveView(PortalView):
    actions = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, channel_id: UUID) -> HttpResponse:
        channel = selectors.get_channel(channel_id)
        channel_remove(actor=self.member.actor, channel_id=channel_id)
        say(request, f"{channel} is removed and its address wiped. What it sent stays on record.")
        return redirect("notifications:channels")


class DeliveriesView(PortalView):
    """Everything that was sent, waits or failed."""

    actions = {"GET": Action.READ_CONFIGURATION}

    def get(self, request: HttpRequest) -> HttpResponse:
        form = DeliveryFilterForm(request.GET)
        page = keyset_page(selectors.deliveries().filter(**form.filters()), request)
        context = {
            "form": form,
            "page": page,
            "failed": Delivery.State.FAILED,
            "may_configure": self.member.can(Action.CONFIGURE),
        }
        return render(request, "notifications/deliveries.html", context)


class DeliveryResendView(PortalView):
    actions = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, delivery_id: UUID) -> HttpResponse:
        delivery = selectors.get_delivery(delivery_id)
        try:
            delivery_resend(delivery_id=delivery_id, actor=self.member.actor)
        except Problem as problem:
            complain(request, problem.detail)
        else:
            say(request, "The message is on its way again, under the id that it had.")
        if delivery.channel is None or delivery.channel.removed_at is not None:
            return redirect("notifications:deliveries")
        return redirect("notifications:channel", channel_id=delivery.channel_id)
