"""The inbox: what is new first, then what was."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from incident_center.kernel.api.problems import InvalidInput
from incident_center.kernel.portal.notices import say
from notifications import selectors
from notifications.actions.inbox import notification_mark_read, notifications_mark_all_read
from notifications.portal.pages import keyset_page
from organizations.access import Action
from organizations.portal.base import PortalView

MOST_UNREAD_SHOWN = 100


class InboxView(PortalView):
    actions = {"GET": Action.OWN_ACCOUNT}

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = selectors.inbox(self.member)
        earlier = keyset_page(rows.exclude(read_at=None), request, size=30)
        unread = [] if "cursor" in request.GET else list(rows.filter(read_at=None)[:MOST_UNREAD_SHOWN])
        return render(request, "notifications/inbox.html", {"unread": unread, "earlier": earlier})


class InboxReadView(PortalView):
    """Marks one notification read (``notification``), or unread again (``unread``), or all (``all``) read."""

    actions = {"POST": Action.OWN_ACCOUNT}

    def post(self, request: HttpRequest) -> HttpResponse:
        if request.POST.get("all"):
            marked = notifications_mark_all_read(actor=self.member.actor)
            say(request, f"{marked} marked read." if marked else "There was nothing unread.")
            return redirect("notifications:inbox")
        try:
            notification_id = UUID(request.POST.get("notification", ""))
        except ValueError:
            raise InvalidInput("notification", "Choose a notification.") from None
        read = not request.POST.get("unread")
        notification_mark_read(actor=self.member.actor, notification_id=notification_id, read=read)
        return redirect("notifications:inbox")
