"""Where the link in a message leads: one page, one button. Looking does nothing, so that mail scanners may look."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views import View

from incident_center.kernel.api.problems import Problem
from incident_center.kernel.portal.notices import complain, say
from incident_center.kernel.scope import Actor, organization_scope
from incidents.actions.incident_acknowledge import incident_acknowledge
from incidents.actions.incident_change_status import incident_change_status
from incidents.lifecycle import Status
from incidents.models import Incident
from notifications.models import Delivery
from notifications.response_links import LIVES, Named, read_token
from organizations.access import Action, Grant, Role, allows
from organizations.models import Membership, User


@dataclass(frozen=True)
class Holder:
    """To whom the link was sent, and about what."""

    user: User
    incident: Incident


class RespondView(View):
    """Acknowledge or resolve by the signed link in a message to a person's own contact."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        named = read_token(token)
        if named is None:
            return self._dead(request)
        with organization_scope(named.organization_id, actor=None):
            return self._page(request, named)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        named = read_token(token)
        if named is None:
            return self._dead(request)
        with organization_scope(named.organization_id, actor=None):
            holder = _holder(named)
        if holder is None:
            return self._dead(request)
        actor = Actor.user(holder.user.pk)
        with organization_scope(named.organization_id, actor=actor):
            try:
                if request.POST.get("do") == "resolve":
                    incident_change_status(incident_id=holder.incident.pk, actor=actor, status=Status.RESOLVED)
                    say(request, f"{holder.incident.reference} is resolved.")
                else:
                    incident_acknowledge(incident_id=holder.incident.pk, actor=actor)
                    say(request, f"You acknowledged {holder.incident.reference}. Nobody is paged any more.")
            except Problem as problem:
                complain(request, problem.detail)
        return redirect("notifications:respond", token=token)

    def _page(self, request: HttpRequest, named: Named) -> HttpResponse:
        holder = _holder(named)
        if holder is None:
            return self._dead(request)
        incident = holder.incident
        context = {
            "incident": incident,
            "person": holder.user,
            "may_acknowledge": incident.is_live and incident.acknowledged_at is None,
            "may_resolve": Status.RESOLVED in incident.allowed_statuses,
        }
        return render(request, "notifications/respond.html", context)

    def _dead(self, request: HttpRequest) -> HttpResponse:
        return render(request, "notifications/respond.html", {}, status=404)


def _holder(named: Named) -> Holder | None:
    """None where the link is too old, its person no longer works on incidents here, or has removed the contact that
    holds it: perhaps with the phone.
    """
    delivery = (
        Delivery.objects.select_related("contact__user", "incident__service", "incident__acknowledged_by")
        .defer("contact__address", "payload")
        .filter(
            pk=named.delivery_id,
            contact__isnull=False,
            contact__removed_at=None,
            incident__isnull=False,
            created_at__gt=timezone.now() - LIVES,
        )
        .first()
    )
    if delivery is None:
        return None
    member = Membership.objects.filter(user=delivery.contact.user, is_active=True).first()
    if member is None or allows(Role(member.role), Action.WORK_INCIDENTS) is not Grant.YES:
        return None
    return Holder(delivery.contact.user, delivery.incident)
