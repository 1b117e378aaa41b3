"""Role and kind of credential, checked before anything is looked up. Views' declarations are in their ``actions``."""

from __future__ import annotations

from typing import Any

from rest_framework import exceptions
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from organizations.access import Grant
from organizations.keys import KeyIdentity
from organizations.members import Member


class UndeclaredPermission(BasePermission):
    """The default: an endpoint that declares nothing answers nobody."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return False


class RolePermission(BasePermission):
    """Reads the permission table for the action that the view declares for the method."""

    def has_permission(self, request: Request, view: Any) -> bool:
        method = request.method or ""
        if isinstance(request.auth, KeyIdentity):
            raise exceptions.PermissionDenied("An API key may only send logs and alerts; sign in as a person.")
        if not isinstance(request.auth, Member):
            raise exceptions.NotAuthenticated()
        if method == "OPTIONS":
            return True
        action = view.actions.get("GET" if method == "HEAD" else method)
        if action is None:
            raise exceptions.MethodNotAllowed(method)
        if request.auth.may(action) is Grant.NO:
            raise exceptions.PermissionDenied(f"Your role ({request.auth.role.label}) may not {action.value}.")
        return True


class KeyPermission(BasePermission):
    """For the intake: keys only."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if isinstance(request.auth, Member):
            raise exceptions.PermissionDenied("Only an API key may send logs and alerts; make one for the service.")
        if not isinstance(request.auth, KeyIdentity):
            raise exceptions.NotAuthenticated()
        if request.method not in ("OPTIONS", *(m.upper() for m in view.http_method_names if hasattr(view, m))):
            raise exceptions.MethodNotAllowed(request.method or "")
        return True
