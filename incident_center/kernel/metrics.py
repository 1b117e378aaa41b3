"""``/metrics`` for Prometheus, summed over the web processes. No label ever names an organization."""

from __future__ import annotations

import ipaddress
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest, multiprocess

from incident_center.environment import multiprocess_metrics_directory
from incident_center.kernel.api.problems import problem_response


class WrittenFiles(multiprocess.MultiProcessCollector):
    """Without the files of processes that are just beginning: a file is empty for a moment before it is laid out."""

    def collect(self) -> Any:
        files = [str(file) for file in Path(self._path).glob("*.db") if file.stat().st_size]
        return self.merge(files, accumulate=True)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """With METRICS_TOKEN set, for its bearer; without, for loopback only."""
    if not _may_read(request):
        return problem_response(403, "Metrics are for the bearer of METRICS_TOKEN, or, without one, for loopback.")
    registry = REGISTRY
    if multiprocess_metrics_directory():
        registry = CollectorRegistry()
        WrittenFiles(registry)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        offered = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return secrets.compare_digest(offered.encode(), settings.METRICS_TOKEN.encode())
    if "X-Forwarded-For" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
