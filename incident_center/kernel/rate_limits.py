"""Token buckets, counted in the process and settled with Redis behind the requests.

A request asks memory only. A background thread tells Redis five times a second what was spent here and learns what the
other processes spent, so that a limit holds for the whole installation to within a fifth of a second; while Redis is
away each process keeps the limit by itself. A bucket may fall below zero, since what a request costs is often known
only when its body has been read: whoever overdraws waits until it is above zero again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings

logger = logging.getLogger(__name__)

SETTLE_SECONDS = 0.2
AWAY_SECONDS = 2.0
MOST_BUCKETS = 20_000
_ONE = 1.0 - 1e-6  # After sums in floating point.

# Redis' own clock, so that no process's is trusted. A bucket that would be full again anyway is forgotten.
_SPEND = """
local clock = redis.call('TIME')
local now, rate, burst = clock[1] + clock[2] / 1e6, tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = math.min(burst, (tonumber(kept[1]) or burst) + (now - (tonumber(kept[2]) or now)) * rate)
tokens = math.max(-burst, tokens - tonumber(ARGV[3]))
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(now))
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - tokens) / rate * 1000) + 1000)
return tostring(tokens)
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """So much a second on average, ``burst`` at once."""

    per_second: float
    burst: float


@dataclass(slots=True)
class _Bucket:
    rate: Rate
    tokens: float
    at: float
    unsettled: float = 0.0

    def refill(self, now: float) -> None:
        self.tokens = min(self.rate.burst, self.tokens + (now - self.at) * self.rate.per_second)
        self.at = now


class TokenBuckets:
    """Buckets by name. Safe for threads; never blocks on the network.

    Args:
        connect: makes the Redis client; None counts in this process only.
    """

    def __init__(self, connect: Callable[[], Any] | None) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}
        self._spent = threading.Event()
        self._thread: threading.Thread | None = None
        self._client: Any = None

    def wait_for(self, name: str, rate: Rate) -> float:
        """Seconds until a token is there; 0.0: now."""
        now = time.monotonic()
        with self._lock:
            bucket = self._bucket(name, rate, now)
            return 0.0 if bucket.tokens >= _ONE else (1.0 - bucket.tokens) / rate.per_second

    def spend(self, name: str, rate: Rate, cost: float = 1.0) -> None:
        """Takes tokens out, below zero if need be, but never more than a burst below."""
        now = time.monotonic()
        with self._lock:
            bucket = self._bucket(name, rate, now)
            bucket.tokens = max(-rate.burst, bucket.tokens - cost)
            bucket.unsettled += cost
            if self._connect is not None and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="rate-limits", daemon=True)
                self._thread.start()
        self._spent.set()

    def clear(self) -> None:
        """Forgets everything counted in this process."""
        with self._lock:
            self._buckets.clear()

    def settle(self) -> None:
        """Tells Redis what was spent here, and takes over what is left for all.

        Raises:
            redis.RedisError: it is away; this process's own count goes on.
        """
        with self._lock:
            told = {name: (bucket.rate, bucket.unsettled) for name, bucket in self._buckets.items() if bucket.unsettled}
            for name in told:
                self._buckets[name].unsettled = 0.0
        if not told or self._connect is None:
            return
        if self._client is None:
            self._client = self._connect()
        with self._client.pipeline(transaction=False) as pipeline:
            for name, (rate, cost) in told.items():
                pipeline.eval(_SPEND, 1, f"rate:{name}", rate.per_second, rate.burst, cost)
            left = [float(tokens) for tokens in pipeline.execute()]
        now = time.monotonic()
        with self._lock:
            for name, tokens in zip(told, left, strict=True):
                if bucket := self._buckets.get(name):
                    bucket.tokens, bucket.at = tokens - bucket.unsettled, now

    def _bucket(self, name: str, rate: Rate, now: float) -> _Bucket:
        bucket = self._buckets.get(name)
        if bucket is None or bucket.rate != rate:
            if len(self._buckets) >= MOST_BUCKETS:
                self._forget_full_ones(now)
            bucket = self._buckets[name] = _Bucket(rate, rate.burst, now)
        bucket.refill(now)
        return bucket

    def _forget_full_ones(self, now: float) -> None:
        for name, bucket in list(self._buckets.items()):
            bucket.refill(now)
            if bucket.tokens >= bucket.rate.burst and not bucket.unsettled:
                del self._buckets[name]

    def _run(self) -> None:
        is_away = False
        while True:
            self._spent.wait()
            self._spent.clear()
            try:
                self.settle()
            except (redis.RedisError, OSError) as error:
                if not is_away:
                    logger.warning("rate limits are counted in this process only, Redis is away: %s", error)
                is_away = True
                time.sleep(AWAY_SECONDS)
            else:
                is_away = False
                time.sleep(SETTLE_SECONDS)


def _redis() -> Any:
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=0.5, socket_timeout=1.0)


token_buckets = TokenBuckets(_redis)
