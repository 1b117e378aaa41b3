"""``/healthz`` answers while the process lives, ``/readyz`` while it can do its work, and says why not."""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from redis import Redis
from redis.exceptions import RedisError

_migrated = False


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when all is there; 503 when the database or a migration is missing.

    The broker only makes things fast, so that its absence is told and does not take the installation out of service.
    """
    reasons = {"database": _database_reason(), "migrations": "", "broker": _broker_reason()}
    if not reasons["database"]:
        reasons["migrations"] = _migrations_reason()
    checks = {name: reason or "ok" for name, reason in reasons.items()}
    ready = not reasons["database"] and not reasons["migrations"]
    status = "ready" if ready and not reasons["broker"] else "degraded" if ready else "unavailable"
    response = JsonResponse({"status": status, "checks": checks}, status=200 if ready else 503)
    if not ready:
        response["Retry-After"] = "5"
    return response


def _database_reason() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        connection.close()
        return "does not answer"
    return ""


def _migrations_reason() -> str:
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if pending:
            return f"{len(pending)} not applied; run manage.py migrate"
        _migrated = True
    return ""


def _broker_reason() -> str:
    client = Redis.from_url(settings.REDIS_URL, socket_connect_timeout=0.5, socket_timeout=0.5)
    try:
        client.ping()
    except RedisError:
        return "does not answer; notifications and live updates are slower until it does"
    finally:
        client.close()
    return ""
