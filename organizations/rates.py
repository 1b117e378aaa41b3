"""How much a key, an organization and a person may ask of the installation; the figures are the operator's settings."""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from django.conf import settings

from incident_center.kernel.api.problems import TooManyRequests
from incident_center.kernel.rate_limits import Rate, token_buckets
from organizations.keys import KeyIdentity


@lru_cache(maxsize=16)
def _rate(per_second: float, burst_seconds: float) -> Rate:
    return Rate(per_second, per_second * burst_seconds)


def _key_rate() -> Rate:
    environment = settings.ENVIRONMENT
    return _rate(environment.key_logs_per_second, environment.intake_burst_seconds)


def _organization_rate() -> Rate:
    environment = settings.ENVIRONMENT
    return _rate(environment.organization_logs_per_second, environment.intake_burst_seconds)


def admit_key(key: KeyIdentity) -> None:
    """Lets a request of the intake in, at the cost of one log, before its body is read.

    Raises:
        TooManyRequests: the key, or its organization, has spent more than it may.
    """
    wait = token_buckets.wait_for(f"key:{key.key_id}", _key_rate())
    whose = "This key sends"
    if not wait:
        wait = token_buckets.wait_for(f"organization:{key.organization_id}", _organization_rate())
        whose = "This organization sends"
    if wait:
        raise TooManyRequests(
            f"{whose} more than it may. Nothing was stored; send the request again as Retry-After says.",
            retry_after=int(wait) + 1,
        )
    charge_key(key.organization_id, key.key_id, 1)


def charge_key(organization_id: int, key_id: UUID, logs: int) -> None:
    """Counts what a request turned out to hold."""
    token_buckets.spend(f"key:{key_id}", _key_rate(), logs)
    token_buckets.spend(f"organization:{organization_id}", _organization_rate(), logs)


def person_wait(user_id: UUID, endpoint: str) -> float:
    """Counts one request of a person at an endpoint; seconds to wait, 0.0 when it may pass."""
    per_minute = settings.ENVIRONMENT.person_requests_per_minute
    rate = _rate(per_minute / 60, 60)
    name = f"person:{user_id}:{endpoint}"
    if wait := token_buckets.wait_for(name, rate):
        return wait
    token_buckets.spend(name, rate)
    return 0.0
