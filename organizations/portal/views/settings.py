"""Settings: the organization, its members and join code, its teams, and one's own account."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.mfa.utils import is_mfa_enabled
from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from incident_center.kernel.api.problems import InvalidInput, Problem
from incident_center.kernel.portal.notices import complain, say
from organizations import selectors
from organizations.access import Action, Role
from organizations.actions.join_codes import join_code_rotate
from organizations.actions.members import member_change, password_link_issue
from organizations.actions.organization import organization_update
from organizations.actions.people import person_rename
from organizations.actions.teams import team_create, team_delete, team_update
from organizations.portal.base import PortalView
from organizations.portal.forms import (
    AccountForm,
    MemberForm,
    OrganizationForm,
    RotateJoinCodeForm,
    TeamForm,
    show_problem,
)
from organizations.portal.settings_sections import sections


class OrganizationSettingsView(PortalView):
    """Name, time zone, retention."""

    actions = {"GET": Action.READ_ORGANIZATION, "POST": Action.MANAGE_ORGANIZATION}

    def get(self, request: HttpRequest) -> HttpResponse:
        organization = self.member.organization
        initial = {name: getattr(organization, name) for name in ("name", "timezone", "log_retention_days")}
        return self._page(request, OrganizationForm(initial=initial))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = OrganizationForm(request.POST)
        if form.is_valid():
            try:
                organization_update(
                    organization_id=self.member.organization_id, actor=self.member.actor, changes=form.cleaned_data
                )
            except Problem as problem:
                show_problem(form, problem)
            else:
                say(request, "The settings are saved.")
                return redirect("organizations:settings")
        return self._page(request, form, status=400)

    def _page(self, request: HttpRequest, form: forms.Form, status: int = 200) -> HttpResponse:
        context = {
            "form": form,
            "may_manage": self.member.can(Action.MANAGE_ORGANIZATION),
            "sections": sections(self.member),
        }
        return render(request, "organizations/settings.html", context, status=status)


class MembersView(PortalView):
    """Everyone in the organization, and the way in for the next."""

    actions = {"GET": Action.READ_MEMBERS}

    def get(self, request: HttpRequest) -> HttpResponse:
        return members_page(self, request)


def members_page(view: PortalView, request: HttpRequest, status: int = 200, **extra: Any) -> HttpResponse:
    may_manage = view.member.can(Action.MANAGE_MEMBERS)
    code = selectors.living_join_code() if may_manage else None
    context = {
        "members": list(selectors.members()),
        "may_manage": may_manage,
        "join_code": code,
        "join_url": settings.BASE_URL + reverse("account_join_code", args=[code.code]) if code else "",
        "join_form": RotateJoinCodeForm(),
        "roles": list(Role),
        **extra,
    }
    return render(request, "organizations/members.html", context, status=status)


class MemberChangeView(PortalView):
    """Promote, demote, deactivate, reactivate."""

    actions = {"POST": Action.MANAGE_MEMBERS}

    def post(self, request: HttpRequest, membership_id: UUID) -> HttpResponse:
        member = selectors.get_member(membership_id)
        form = MemberForm(request.POST)
        if not form.is_valid():
            raise InvalidInput("role", "Choose one of the roles.")
        role = Role(form.cleaned_data["role"]) if form.cleaned_data["role"] else None
        is_active = form.cleaned_data["is_active"]
        try:
            changed = member_change(
                membership_id=membership_id, actor=self.member.actor, role=role, is_active=is_active
            )
        except Problem as problem:
            complain(request, problem.detail)
            return redirect("organizations:members")
        state = "" if changed.is_active else ", deactivated"
        say(request, f"{member.user.name} is {Role(changed.role).label}{state}, from the next request on.")
        return redirect("organizations:members")


class MemberPasswordLinkView(PortalView):
    """A one-time password link, shown this once."""

    actions = {"POST": Action.MANAGE_MEMBERS}

    def post(self, request: HttpRequest, membership_id: UUID) -> HttpResponse:
        member = selectors.get_member(membership_id)
        issued = password_link_issue(membership_id=membership_id, actor=self.member.actor, issued_by=self.member.user)
        return members_page(self, request, password_link=issued.url, password_link_for=member.user.name)


class JoinCodeRotateView(PortalView):
    """A new join code in the place of the old one."""

    actions = {"POST": Action.MANAGE_MEMBERS}

    def post(self, request: HttpRequest) -> HttpResponse:
        form = RotateJoinCodeForm(request.POST)
        if not form.is_valid():
            return members_page(self, request, status=400, join_form=form, open_join_form=True)
        join_code_rotate(
            actor=self.member.actor,
            user_id=self.member.user.pk,
            role=Role(form.cleaned_data["role"]),
            expires_in_hours=form.cleaned_data["expires_in_hours"],
            max_uses=form.cleaned_data["max_uses"],
        )
        say(request, "The new join code is ready; the old one is dead.")
        return redirect("organizations:members")


class TeamsView(PortalView):
    """The teams, and a new one."""

    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(request, TeamForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = TeamForm(request.POST)
        if form.is_valid():
            try:
                team = team_create(actor=self.member.actor, **_team_values(form))
            except Problem as problem:
                show_problem(form, problem)
            else:
                say(request, f"The team {team.name} is made.")
                return redirect("organizations:teams")
        return self._page(request, form, status=400)

    def _page(self, request: HttpRequest, form: TeamForm, status: int = 200) -> HttpResponse:
        names = {member.pk: member.user.name for member in selectors.members()}
        rows = [
            {"team": team, "members": [names[m.membership_id] for m in team.team_members.all()]}
            for team in selectors.teams()
        ]
        may_configure = self.member.can(Action.CONFIGURE)
        context = {"rows": rows, "form": form, "open_form": status != 200, "may_configure": may_configure}
        return render(request, "organizations/teams.html", context, status=status)


class TeamView(PortalView):
    """One team: its name and who is in it."""

    actions = {"GET": Action.CONFIGURE, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest, team_id: UUID) -> HttpResponse:
        team = selectors.get_team(team_id)
        members = [str(member.membership_id) for member in team.team_members.all()]
        form = TeamForm(initial={"name": team.name, "description": team.description, "members": members})
        return render(request, "organizations/team.html", {"team": team, "form": form})

    def post(self, request: HttpRequest, team_id: UUID) -> HttpResponse:
        team = selectors.get_team(team_id)
        form = TeamForm(request.POST)
        if form.is_valid():
            try:
                team_update(team_id=team_id, actor=self.member.actor, changes=_team_values(form))
            except Problem as problem:
                show_problem(form, problem)
            else:
                say(request, "The team is saved.")
                return redirect("organizations:teams")
        return render(request, "organizations/team.html", {"team": team, "form": form}, status=400)


class TeamDeleteView(PortalView):
    actions = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, team_id: UUID) -> HttpResponse:
        team = selectors.get_team(team_id)
        try:
            team_delete(team_id=team_id, actor=self.member.actor)
        except Problem as problem:
            complain(request, problem.detail)
            return redirect("organizations:team", team_id=team_id)
        say(request, f"The team {team.name} is deleted.")
        return redirect("organizations:teams")


def _team_values(form: TeamForm) -> dict[str, Any]:
    return {**form.cleaned_data, "members": [UUID(member) for member in form.cleaned_data["members"]]}


class AccountView(PortalView):
    """One's own name, password and second factor."""

    actions = {"GET": Action.OWN_ACCOUNT, "POST": Action.OWN_ACCOUNT}

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(request, AccountForm(initial={"name": self.member.user.name}))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = AccountForm(request.POST)
        if form.is_valid():
            person_rename(user=self.member.user, name=form.cleaned_data["name"], actor=self.member.actor)
            say(request, "Your name is saved.")
            return redirect("organizations:account")
        return self._page(request, form, status=400)

    def _page(self, request: HttpRequest, form: AccountForm, status: int = 200) -> HttpResponse:
        context = {"form": form, "mfa_enabled": is_mfa_enabled(self.member.user)}
        return render(request, "organizations/account.html", context, status=status)
