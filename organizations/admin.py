"""Django's admin: owners manage the members of their own organization, operators look over the installation.

Nothing here writes by itself: a change goes through the same action as the portal's and the API's. Row-level security
shows an owner one organization whatever this file says.
"""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from unfold.admin import ModelAdmin

from incident_center.kernel.api.problems import Problem
from organizations.access import Action, Role
from organizations.actions.members import member_change
from organizations.members import Member
from organizations.models import Membership, User

# The portal's sign-in, with its throttle and second factor, is the admin's too.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
if admin.site.is_registered(Group):
    admin.site.unregister(Group)


def member_of(request: HttpRequest) -> Member | None:
    return getattr(request, "member", None)


@admin.register(Membership)
class MembershipAdmin(ModelAdmin):
    """The members of the owner's own organization: their role, and whether they may come in."""

    list_display = ("person", "email", "role", "is_active", "joined_at")
    list_filter = ("role", "is_active")
    search_fields = ("user__name", "user__email")
    fields = ("person", "email", "role", "is_active", "joined_at")
    readonly_fields = ("person", "email", "joined_at")
    ordering = ("joined_at",)
    list_select_related = ("user",)
    actions = None

    @admin.display(description="Name", ordering="user__name")
    def person(self, membership: Membership) -> str:
        return membership.user.name

    @admin.display(description="E-mail", ordering="user__email")
    def email(self, membership: Membership) -> str:
        return membership.user.email

    def _manages(self, request: HttpRequest) -> bool:
        member = member_of(request)
        return member is not None and member.can(Action.MANAGE_MEMBERS)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._manages(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._manages(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._manages(request)

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False  # People come by a join code.

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # People are deactivated, and stay named in the record.

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        member = member_of(request)
        assert member is not None
        try:
            member_change(membership_id=obj.pk, actor=member.actor, role=Role(obj.role), is_active=bool(obj.is_active))
        except Problem as problem:
            messages.set_level(request, messages.ERROR)
            messages.error(request, problem.detail)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The database writes the record; Django's own log would be a second, erasable one."""

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)


@admin.register(User)
class InstallationAdmin(ModelAdmin):
    """The operator's page: which organizations there are. Their contents stay behind the wall."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(getattr(request.user, "is_operator", False))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.changelist_view)
        return [path("", view, name="organizations_user_changelist")]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_module_permission(request):
            raise PermissionDenied
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM installation_organizations(%s)", [request.user.pk])
            columns = [column.name for column in cursor.description]
            organizations = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        context = {
            **self.admin_site.each_context(request),
            "title": "Organizations of this installation",
            "organizations": organizations,
        }
        return TemplateResponse(request, "organizations/admin/installation.html", context)
