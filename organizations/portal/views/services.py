"""Services and keys. A key is shown in the answer to the request that made it, and never again."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from incident_center.kernel.api.problems import Problem
from incident_center.kernel.portal.notices import complain, say
from organizations import selectors, service_extensions
from organizations.access import Action
from organizations.actions.keys import IssuedKey, key_create, key_revoke, key_rotate
from organizations.actions.services import service_create, service_retire, service_update
from organizations.models import ApiKey, Service
from organizations.portal.base import PortalView
from organizations.portal.forms import KeyForm, RotateKeyForm, ServiceForm, show_problem


class ServicesView(PortalView):
    actions = {"GET": Action.READ_CONFIGURATION}

    def get(self, request: HttpRequest) -> HttpResponse:
        alive: dict[int, list[ApiKey]] = {}
        for key in ApiKey.objects.exclude(service=None).filter(revoked_at=None):
            if key.is_alive and key.service_id is not None:
                alive.setdefault(key.service_id, []).append(key)
        rows = []
        for service in selectors.services():
            keys = alive.get(service.pk, [])
            used = [key.last_used_at for key in keys if key.last_used_at]
            rows.append({"service": service, "keys": len(keys), "last_used_at": max(used, default=None)})
        context = {"rows": rows, "may_configure": self.member.can(Action.CONFIGURE)}
        return render(request, "organizations/services.html", context)


class ServiceCreateView(PortalView):
    actions = {"GET": Action.CONFIGURE, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "organizations/service_form.html", {"form": ServiceForm()})

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ServiceForm(request.POST)
        if form.is_valid():
            try:
                values = service_extensions.separated(_service_values(form))
                service = service_create(actor=self.member.actor, **values)
            except Problem as problem:
                show_problem(form, problem)
            else:
                say(request, f"{service.name} is made. Next: a key, so that it can send logs.")
                return redirect("organizations:service", service_id=service.public_id)
        return render(request, "organizations/service_form.html", {"form": form}, status=400)


def _service_values(form: ServiceForm) -> dict[str, Any]:
    team = form.cleaned_data["team_id"]
    return {**form.cleaned_data, "team_id": UUID(team) if team else None}


def _service_initial(service: Service) -> dict[str, Any]:
    service_extensions.attach([service])
    initial = {"name": service.name, "environment": service.environment, "description": service.description}
    extensions = {field.name: getattr(service, field.name) for field in service_extensions.registered()}
    return {**initial, "team_id": str(service.team_id or ""), **extensions}


def keys_page(
    view: PortalView, request: HttpRequest, service: Service | None, status: int = 200, **extra: Any
) -> HttpResponse:
    """The page of a service with its keys, or, without one, of the gateway keys."""
    context = {
        "service": service,
        "keys": list(selectors.keys_of(service)),
        "key_form": KeyForm(),
        "rotate_form": RotateKeyForm(),
        "may_configure": view.member.can(Action.CONFIGURE),
        "base_url": settings.BASE_URL,
        "base": _parts(settings.BASE_URL),
        "panels": service_extensions.panels(service) if service else [],
        **extra,
    }
    template = "organizations/service.html" if service else "organizations/gateway_keys.html"
    return render(request, template, context, status=status)


def _parts(url: str) -> dict[str, Any]:
    """For clients that want host and port apart."""
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    return {"hostname": parts.hostname, "port": parts.port or (443 if tls else 80), "tls": tls}


class ServiceView(PortalView):
    """One service: what it is, its keys, and how to send it logs. POST saves its description."""

    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest, service_id: UUID) -> HttpResponse:
        service = selectors.get_service(service_id)
        form = ServiceForm(initial=_service_initial(service))
        return keys_page(self, request, service, service_form=form)

    def post(self, request: HttpRequest, service_id: UUID) -> HttpResponse:
        service = selectors.get_service(service_id)
        form = ServiceForm(request.POST, initial=_service_initial(service))
        if form.is_valid():
            try:
                service_update(service_id=service_id, actor=self.member.actor, changes=_service_values(form))
            except Problem as problem:
                show_problem(form, problem)
            else:
                say(request, "The service is saved.")
                return redirect("organizations:service", service_id=service_id)
        return keys_page(self, request, service, status=400, service_form=form, open_service_form=True)


class ServiceRetireView(PortalView):
    actions = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, service_id: UUID) -> HttpResponse:
        service = selectors.get_service(service_id)
        service_retire(service_id=service_id, actor=self.member.actor)
        say(request, f"{service.name} is retired and its keys are dead. Its logs and incidents stay.")
        return redirect("organizations:services")


class KeysView(PortalView):
    """Gateway keys; POST makes a key, of the service in the address or of the organization."""

    actions = {"GET": Action.READ_CONFIGURATION, "POST": Action.CONFIGURE}

    def get(self, request: HttpRequest, **keywords: Any) -> HttpResponse:
        service = _service(keywords)
        if service is not None:
            return redirect("organizations:service", service_id=service.public_id)
        return keys_page(self, request, None)

    def post(self, request: HttpRequest, **keywords: Any) -> HttpResponse:
        service = _service(keywords)
        form = KeyForm(request.POST)
        if not form.is_valid():
            return keys_page(self, request, service, status=400, key_form=form, open_key_form=True)
        issued = key_create(
            actor=self.member.actor, user_id=self.member.user.pk, name=form.cleaned_data["name"], service=service
        )
        return _shown_once(self, request, service, issued)


class KeyRotateView(PortalView):
    actions = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, key_id: UUID, **keywords: Any) -> HttpResponse:
        service = _service(keywords)
        form = RotateKeyForm(request.POST)
        hours = form.cleaned_data["overlap_hours"] if form.is_valid() else 24
        issued = key_rotate(
            key_id=key_id,
            service=service,
            actor=self.member.actor,
            user_id=self.member.user.pk,
            overlap_hours=hours,
        )
        return _shown_once(self, request, service, issued)

    def refused(self, problem: Problem) -> HttpResponse:
        if problem.status != 409:
            return super().refused(problem)
        complain(self.request, problem.detail)
        if "service_id" in self.kwargs:
            return redirect("organizations:service", service_id=self.kwargs["service_id"])
        return redirect("organizations:gateway-keys")


class KeyRevokeView(PortalView):
    actions = {"POST": Action.CONFIGURE}

    def post(self, request: HttpRequest, key_id: UUID, **keywords: Any) -> HttpResponse:
        service = _service(keywords)
        key_revoke(key_id=key_id, service=service, actor=self.member.actor)
        say(request, "The key is revoked; every process hears of it within a second.")
        if service is None:
            return redirect("organizations:gateway-keys")
        return redirect("organizations:service", service_id=service.public_id)


def _service(keywords: dict[str, Any]) -> Service | None:
    return selectors.get_service(keywords["service_id"]) if "service_id" in keywords else None


def _shown_once(view: PortalView, request: HttpRequest, service: Service | None, issued: IssuedKey) -> HttpResponse:
    return keys_page(view, request, service, issued_key=issued.key)
