"""Page drills: their history, one now, and the receipt of the person whom one reached."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views import View

from incident_center.kernel.api.problems import Problem
from incident_center.kernel.portal.notices import complain, say
from incident_center.kernel.scope import Actor, organization_scope
from notifications import selectors
from notifications.actions.drill_look import drill_confirm
from notifications.actions.drill_plan import drill_start
from notifications.models import Drill
from notifications.portal.pages import keyset_page
from notifications.response_links import DRILL, read_token
from organizations.access import Action
from organizations.portal.base import PortalView


class DrillsView(PortalView):
    actions = {"GET": Action.READ_CONFIGURATION}

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "notifications/drills.html", {"page": keyset_page(selectors.drills(), request)})


class ChannelDrillView(PortalView):
    actions = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, channel_id: UUID) -> HttpResponse:
        channel = selectors.get_channel(channel_id)
        try:
            drill_start(actor=self.member.actor, channel_id=channel.pk)
        except Problem as problem:
            complain(request, problem.detail)
            return redirect("notifications:channel", channel_id=channel_id)
        say(request, f"A drill is on its way through {channel}.")
        return redirect("notifications:drills")


class DrillReceiptView(View):
    """Where the link in a drill leads. Looking does nothing, so that mail scanners may look."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        return self._page(request, token)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        return self._page(request, token, confirms=True)

    def _page(self, request: HttpRequest, token: str, *, confirms: bool = False) -> HttpResponse:
        named = read_token(token, DRILL)
        drill = None
        if named is not None:
            with organization_scope(named.organization_id, actor=None):
                drill = Drill.objects.select_related("contact__user").filter(pk=named.delivery_id).first()
        if named is None or drill is None or drill.contact is None:
            return render(request, "notifications/drill_receipt.html", {}, status=404)
        problem = ""
        if confirms:
            with organization_scope(named.organization_id, actor=Actor.user(drill.contact.user_id)):
                try:
                    drill.state = drill_confirm(drill_id=drill.pk, now=timezone.now()).state
                except Problem as refused:
                    problem = str(refused.detail)
        context = {"drill": drill, "is_over": drill.finished_at is not None, "problem": problem}
        return render(request, "notifications/drill_receipt.html", context)
