"""``Idempotency-Key``: the same key and body give the same answer for 24 hours, another body 409.

The claim on the key, the change and the stored answer are one transaction. A second request with the key waits on
the unique index until the first commits, and one whose process dies leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from incident_center.kernel.api.problems import PROBLEM_JSON, Conflict, InvalidInput
from incident_center.kernel.models import IdempotentRequest

KEPT_FOR = timedelta(hours=24)
LONGEST_KEY = 255


def idempotency_key(request: HttpRequest) -> str | None:
    """The request's key, or None.

    Raises:
        InvalidInput: the key is empty or over 255 characters.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not key.strip() or len(key) > LONGEST_KEY or not key.isprintable():
        raise InvalidInput("Idempotency-Key", f"The key must be 1 to {LONGEST_KEY} printable characters.")
    return key


def request_digest(request: HttpRequest, body: bytes) -> bytes:
    """What must be equal for a request to be the same: method, address, body."""
    return hashlib.sha256(b"\0".join((str(request.method).encode(), request.get_full_path().encode(), body))).digest()


def answer_once(*, principal: str, key: str, digest: bytes, produce: Callable[[], Response]) -> Response:
    """Runs ``produce`` at most once for the key, and returns its answer, or the one given before.

    Raises:
        Conflict: the key was used with another request.
    """
    with transaction.atomic():
        try:
            with transaction.atomic():
                claim = IdempotentRequest.objects.create(principal=principal, key=key, request_hash=digest)
        except IntegrityError:
            earlier = IdempotentRequest.objects.select_for_update().get(principal=principal, key=key)
            if timezone.now() - earlier.created_at < KEPT_FOR:
                return _replay(earlier, digest)
            earlier.delete()
            claim = IdempotentRequest.objects.create(principal=principal, key=key, request_hash=digest)
        response = produce()
        if response.status_code >= 500:
            transaction.set_rollback(True)
            return response
        claim.status = response.status_code
        claim.body = "" if response.data is None else JSONRenderer().render(response.data).decode()
        claim.save(update_fields=["status", "body"])
        return response


def _replay(earlier: IdempotentRequest, digest: bytes) -> Response:
    if bytes(earlier.request_hash) != digest:
        raise Conflict("This Idempotency-Key was used with another request; use a new key for a new request.")
    data = json.loads(earlier.body) if earlier.body else None
    content_type = PROBLEM_JSON if earlier.status >= 400 else None
    return Response(data, status=earlier.status, content_type=content_type, headers={"Idempotent-Replay": "true"})
