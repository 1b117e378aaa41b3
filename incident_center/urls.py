"""Every address of the product. Apps bring their own; this page only says where they stand."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from incident_center.kernel.health import healthz, readyz
from incident_center.kernel.metrics import metrics

APPS = ("organizations", "audit", "ingestion", "incidents", "detection", "notifications")


def _of_apps(room: str) -> list[URLPattern | URLResolver]:
    return [
        pattern
        for app in APPS
        if find_spec(f"{app}.{room}") is not None and find_spec(f"{app}.{room}.urls") is not None
        for pattern in import_module(f"{app}.{room}.urls").urlpatterns
    ]


urlpatterns = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
    path("v1/", include(_of_apps("api"))),
    path("v1/schema", SpectacularAPIView.as_view(), name="schema"),
    *_of_apps("compatibility"),
    path("v1/docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("admin/", admin.site.urls),
    *_of_apps("portal"),
]

handler400 = "incident_center.kernel.error_pages.bad_request"
handler403 = "incident_center.kernel.error_pages.permission_denied"
handler404 = "incident_center.kernel.error_pages.page_not_found"
handler500 = "incident_center.kernel.error_pages.server_error"
