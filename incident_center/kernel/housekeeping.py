"""What is thrown away after its time. Runs in the maintenance worker, as the database's owner."""

from __future__ import annotations

from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from incident_center.kernel.api.idempotency import KEPT_FOR
from incident_center.kernel.models import IdempotentRequest


@shared_task(name="kernel.forget_idempotent_requests")
def forget_idempotent_requests() -> int:
    """Removes answers that no repetition may ask for any more; returns how many."""
    removed, _ = IdempotentRequest.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
    return removed


@shared_task(name="kernel.forget_sessions_and_tokens")
def forget_sessions_and_tokens() -> None:
    """Removes sessions that have ended and refresh tokens that have expired."""
    call_command("clearsessions")
    call_command("flushexpiredtokens")
