"""How people get in: founding an organization, joining one, and the owner's one-time password link."""

from __future__ import annotations

from typing import Any

from allauth.account.utils import perform_login
from allauth.core import ratelimit
from allauth.core.internal import ratelimit as ratelimit_of_all_methods
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views import View

from incident_center.kernel.api.problems import NotFound, Problem
from incident_center.kernel.portal import navigation
from incident_center.kernel.portal.notices import say
from incident_center.kernel.scope import organization_scope
from organizations.actions.found_organization import organization_found
from organizations.actions.join_codes import DEAD_CODE, find_invitation, organization_join
from organizations.actions.members import find_link_holder, password_link_use
from organizations.models import Membership, User
from organizations.portal.forms import FoundForm, JoinCodeForm, JoinForm, NewPasswordForm, show_problem

TOO_MANY = "Too many tries from this address; wait a minute."


class EntranceView(View):
    """A page for whoever is not signed in yet; members are led to where their role begins."""

    def dispatch(self, request: HttpRequest, *arguments: Any, **keywords: Any) -> Any:
        member = getattr(request, "member", None)
        if member is not None:
            return redirect(navigation.home(member))
        return super().dispatch(request, *arguments, **keywords)

    def too_many(self, request: HttpRequest) -> bool:
        """Whether this address has tried too often, also with join codes that it guesses."""
        return not ratelimit.consume(request, action="signup")


def enter(request: HttpRequest, user: User) -> HttpResponse:
    """Signs the new person in, through the same door as everyone."""
    return perform_login(request, user, email_verification="none")  # type: ignore[no-any-return]


class SignUpView(EntranceView):
    """Found an organization and become its owner."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(request, FoundForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = FoundForm(request.POST)
        if self.too_many(request):
            form.add_error(None, TOO_MANY)
        elif form.is_valid() and settings.ALLOW_SIGNUP:
            try:
                membership = organization_found(**form.cleaned_data)
            except Problem as problem:
                show_problem(form, problem)
            else:
                return enter(request, membership.user)
        return self._page(request, form, status=400)

    def _page(self, request: HttpRequest, form: FoundForm, status: int = 200) -> HttpResponse:
        if not settings.ALLOW_SIGNUP:
            return render(request, "account/signup_closed.html", status=403)
        return render(request, "account/signup.html", {"form": form}, status=status)


class JoinView(EntranceView):
    """Join by a code; where it leads is said before anything else is asked."""

    def get(self, request: HttpRequest, code: str = "") -> HttpResponse:
        code = code or request.GET.get("code", "")
        if not code:
            return render(request, "account/join.html", {"form": JoinCodeForm()})
        if self.too_many_guesses(request):
            return self._guessed_enough(request, code)
        form = JoinCodeForm({"code": code})
        invitation = find_invitation(code)
        if invitation is None:
            form.add_error("code", DEAD_CODE)
            return render(request, "account/join.html", {"form": form}, status=400)
        return self._second_page(request, code, JoinForm(initial={"code": code}))

    def post(self, request: HttpRequest, code: str = "") -> HttpResponse:
        form = JoinForm(request.POST)
        code = request.POST.get("code", code)
        if self.too_many_guesses(request):
            return self._guessed_enough(request, code)
        if self.too_many(request):
            form.add_error(None, TOO_MANY)
        elif form.is_valid():
            person = {name: form.cleaned_data[name] for name in ("email", "password", "name")}
            try:
                membership: Membership = organization_join(**person, join_code=code)
            except Problem as problem:
                show_problem(form, problem)
            else:
                return enter(request, membership.user)
        return self._second_page(request, code, form, status=400)

    def too_many_guesses(self, request: HttpRequest) -> bool:
        """Whoever looks a code up may be guessing, by GET as well: allauth's public function lets each GET pass."""
        return not ratelimit_of_all_methods.consume(request, app="allauth.account", action="join_code", limit_get=True)

    def _guessed_enough(self, request: HttpRequest, code: str) -> HttpResponse:
        form = JoinCodeForm({"code": code})
        form.add_error("code", TOO_MANY)
        return render(request, "account/join.html", {"form": form}, status=429)

    def _second_page(self, request: HttpRequest, code: str, form: JoinForm, status: int = 200) -> HttpResponse:
        invitation = find_invitation(code)
        if invitation is None:
            first = JoinCodeForm({"code": code})
            first.add_error("code", DEAD_CODE)
            return render(request, "account/join.html", {"form": first}, status=400)
        context = {
            "form": form,
            "code": code,
            "organization": {"name": invitation.organization_name},
            "role_label": invitation.role.label,
        }
        return render(request, "account/join.html", context, status=status)


class PasswordLinkView(View):
    """Set a password by the one-time link that an owner issued."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        return self._page(request, token, NewPasswordForm())

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        form = NewPasswordForm(request.POST)
        if form.is_valid():
            try:
                password_link_use(token=token, password=form.cleaned_data["password"])
            except NotFound:
                return self._page(request, token, form)
            except Problem as problem:
                show_problem(form, problem)
            else:
                say(request, "Your password is saved. Sign in with it.")
                return redirect("account_login")
        return self._page(request, token, form, status=400)

    def _page(self, request: HttpRequest, token: str, form: NewPasswordForm, status: int = 200) -> HttpResponse:
        holder = find_link_holder(token)
        if holder is None:
            return render(request, "account/password_link.html", {"link_is_dead": True}, status=404)
        with organization_scope(holder.organization_id, actor=None):
            person = User.objects.get(pk=holder.user_id)
        context = {"form": form, "person_name": person.name}
        return render(request, "account/password_link.html", context, status=status)
