"""Token buckets: how they fill and empty, and that processes share them through Redis without waiting for it."""

from __future__ import annotations

from uuid import uuid4

import pytest
import redis
from django.conf import settings

from incident_center.kernel.rate_limits import Rate, TokenBuckets

SLOW = Rate(per_second=0.5, burst=10)


def alone() -> TokenBuckets:
    return TokenBuckets(None)


def with_redis() -> TokenBuckets:
    buckets = TokenBuckets(lambda: redis.Redis.from_url(settings.REDIS_URL))
    buckets._thread = object()  # type: ignore[assignment]  # The test settles by itself.
    return buckets


def test_a_burst_passes_and_then_the_average():
    buckets = alone()
    buckets.spend("one", SLOW, 9)
    assert buckets.wait_for("one", SLOW) == 0.0
    buckets.spend("one", SLOW, 1)
    assert buckets.wait_for("one", SLOW) == pytest.approx(2.0, abs=0.1)
    assert buckets.wait_for("another", SLOW) == 0.0


def test_what_was_overdrawn_is_waited_for_but_no_more_than_a_burst():
    buckets = alone()
    buckets.spend("one", SLOW, 1_000_000)
    assert buckets.wait_for("one", SLOW) == pytest.approx(22.0, abs=0.1)


def test_buckets_fill_again():
    buckets, fast = alone(), Rate(per_second=1e9, burst=5)
    buckets.spend("one", fast, 5)
    assert buckets.wait_for("one", fast) == 0.0


def test_processes_share_a_bucket():
    first, second, name = with_redis(), with_redis(), str(uuid4())
    first.spend(name, SLOW, 8)
    second.spend(name, SLOW, 1)
    first.settle()
    second.settle()
    assert second.wait_for(name, SLOW) == 0.0
    second.spend(name, SLOW, 1)
    second.settle()
    first.spend(name, SLOW, 1)
    first.settle()
    assert first.wait_for(name, SLOW) > 0.0


def test_while_redis_is_away_the_process_counts_by_itself():
    buckets = TokenBuckets(lambda: redis.Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.2))
    buckets._thread = object()  # type: ignore[assignment]
    buckets.spend("one", SLOW, 10)
    with pytest.raises(redis.RedisError):
        buckets.settle()
    assert buckets.wait_for("one", SLOW) > 0.0
