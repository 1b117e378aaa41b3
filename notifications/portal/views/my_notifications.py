"""One's own notifications: by what one is reached, when, and the hours of peace."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from incident_center.kernel.api.problems import InvalidInput, Problem
from incident_center.kernel.portal.notices import complain, say
from notifications import selectors
from notifications.actions.contacts import (
    account_contacts,
    contact_create,
    contact_of,
    contact_remove,
    contact_send_code,
    contact_set_drills,
    contact_test,
    contact_verify,
)
from notifications.actions.drill_plan import drill_start
from notifications.actions.notification_rules import notification_rules_set
from notifications.actions.push_key import push_key
from notifications.channels.base import Outcome, Result
from notifications.contacts.kinds import CONTACT_KINDS
from notifications.contacts.push import encoded, point
from notifications.models.drill import WEEKLY
from notifications.portal.contact_forms import ContactForm, RulesForm, initial_rules
from organizations.access import Action
from organizations.portal.base import PortalView
from organizations.portal.forms import show_problem


class MyNotificationsPage(PortalView):
    """What all views of one's own notifications show."""

    def page(self, *, status: int = 200, **extra: Any) -> HttpResponse:
        account_contacts([self.member.user])
        contacts = list(selectors.contacts_of(self.member))
        rows = [
            {
                "contact": contact,
                "kind": kind,
                "address": kind.shown_address(contact.destination),
                "is_available": kind.is_available(),
            }
            for contact in contacts
            if (kind := CONTACT_KINDS.get(contact.kind)) is not None
        ]
        context = {
            "rows": rows,
            "push_key": encoded(point(key.public_key())) if (key := push_key()) else "",
            "contact_form": ContactForm(),
            "rules_form": self.rules_form(),
            "has_rules": selectors.rules_of(self.member) is not None,
            **extra,
        }
        return render(self.request, "notifications/my_notifications.html", context, status=status)

    def rules_form(self, *arguments: Any) -> RulesForm:
        usable = [contact for contact in selectors.contacts_of(self.member) if contact.is_open]
        rules = selectors.rules_of(self.member)
        steps = list(selectors.steps_of(rules)) if rules else []
        initial = initial_rules(rules, steps, usable, self.member.organization.timezone)
        return RulesForm(usable, *arguments, initial=initial)


class MyNotificationsView(MyNotificationsPage):
    actions = {"GET": Action.OWN_ACCOUNT, "POST": Action.OWN_ACCOUNT}

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page()

    def post(self, request: HttpRequest) -> HttpResponse:
        """Saves the rules."""
        form = self.rules_form(request.POST)
        if form.is_valid():
            try:
                notification_rules_set(
                    actor=self.member.actor, user=self.member.user, steps=form.steps(), quiet_hours=form.quiet_hours()
                )
            except Problem as problem:
                show_problem(form, problem)
            else:
                say(request, "Your rules are saved.")
                return redirect("notifications:mine")
        return self.page(status=400, rules_form=form)


class MyContactsView(MyNotificationsPage):
    """Adds a contact (no ``do``) or this browser (add-browser), or does something with one: ``do`` is verify,
    send-code, test, drill, drill-weekly, drill-never or remove.
    """

    actions = {"POST": Action.OWN_ACCOUNT}

    def post(self, request: HttpRequest) -> HttpResponse:
        if not request.POST.get("do"):
            return self._add(request)
        if request.POST["do"] == "add-browser":
            return self._add_browser(request)
        try:
            contact_id = UUID(request.POST.get("contact", ""))
        except ValueError:
            raise InvalidInput("contact", "Choose one of your contacts.") from None
        try:
            return self._do(request, request.POST["do"], contact_id)
        except InvalidInput as problem:
            return self.page(status=400, refused=contact_id, refusal=problem.members["errors"][0]["message"])
        except Problem as problem:
            complain(request, problem.detail)
            return redirect("notifications:mine")

    def _add(self, request: HttpRequest) -> HttpResponse:
        form = ContactForm(request.POST)
        if form.is_valid():
            try:
                sent = contact_create(actor=self.member.actor, user=self.member.user, **form.cleaned_data)
            except Problem as problem:
                show_problem(form, problem)
            else:
                return self._tell_code(request, sent.result)
        return self.page(status=400, contact_form=form, contact_is_open=True)

    def _add_browser(self, request: HttpRequest) -> HttpResponse:
        label, address = request.POST.get("label", "")[:100], request.POST.get("address", "")
        try:
            contact_create(actor=self.member.actor, user=self.member.user, kind="push", address=address, label=label)
        except InvalidInput as problem:
            complain(request, problem.members["errors"][0]["message"])
        except Problem as problem:
            complain(request, problem.detail)
        else:
            say(request, "This browser will be notified. Say below when it is used.")
        return redirect("notifications:mine")

    def _do(self, request: HttpRequest, what: str, contact_id: UUID) -> HttpResponse:
        whose: dict[str, Any] = {"actor": self.member.actor, "user": self.member.user, "contact_id": contact_id}
        if what == "verify":
            contact_verify(**whose, code=request.POST.get("code", ""))
            say(request, "The contact is verified. Say below when it is used.")
        elif what == "send-code":
            return self._tell_code(request, contact_send_code(**whose).result)
        elif what == "test":
            result = contact_test(**whose)
            if result.outcome is Outcome.DELIVERED:
                say(request, "The test is on its way to you.")
            else:
                complain(request, f"The test did not leave: {result.error}")
        elif what == "drill":
            drill_start(actor=self.member.actor, contact=contact_of(self.member.user, contact_id))
            say(request, "A drill is on its way. Say by its link that it arrived.")
        elif what in ("drill-weekly", "drill-never"):
            contact_set_drills(**whose, every_days=WEEKLY if what == "drill-weekly" else 0)
            say(request, "A drill comes each week." if what == "drill-weekly" else "No drill comes by itself any more.")
        elif what == "remove":
            contact_remove(**whose)
            say(request, "The contact is removed and its address wiped.")
        return redirect("notifications:mine")

    def _tell_code(self, request: HttpRequest, result: Result) -> HttpResponse:
        if result.outcome is Outcome.DELIVERED:
            say(request, "A code is on its way there. Enter it to use the contact.")
        else:
            complain(request, f"The code could not be sent: {result.error}")
        return redirect("notifications:mine")
