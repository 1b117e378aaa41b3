"""Django's Redis cache, with memory of its own to fall back on: losing Redis must not lock anyone out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 2.0


class ResilientRedisCache(RedisCache):
    """Redis while it answers; this process's memory while it does not, so that throttles keep counting."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        options = params.setdefault("OPTIONS", {})
        options.setdefault("socket_connect_timeout", 0.5)
        options.setdefault("socket_timeout", 1.0)
        super().__init__(server, params)
        self._memory = LocMemCache("resilient", {**params, "OPTIONS": {}})
        self._away_until = 0.0

    def _try(self, redis: Callable[[], Any], memory: Callable[[], Any]) -> Any:
        if time.monotonic() >= self._away_until:
            try:
                return redis()
            except (RedisError, OSError) as error:
                self._away_until = time.monotonic() + RETRY_AFTER_SECONDS
                logger.warning("cache falls back to memory, Redis is away: %s", error)
        return memory()

    def add(self, key: Any, value: Any, *arguments: Any, **keywords: Any) -> Any:
        here, there = super().add, self._memory.add
        return self._try(
            lambda: here(key, value, *arguments, **keywords), lambda: there(key, value, *arguments, **keywords)
        )

    def get(self, key: Any, *arguments: Any, **keywords: Any) -> Any:
        here, there = super().get, self._memory.get
        return self._try(lambda: here(key, *arguments, **keywords), lambda: there(key, *arguments, **keywords))

    def set(self, key: Any, value: Any, *arguments: Any, **keywords: Any) -> Any:
        here, there = super().set, self._memory.set
        return self._try(
            lambda: here(key, value, *arguments, **keywords), lambda: there(key, value, *arguments, **keywords)
        )

    def touch(self, key: Any, *arguments: Any, **keywords: Any) -> Any:
        here, there = super().touch, self._memory.touch
        return self._try(lambda: here(key, *arguments, **keywords), lambda: there(key, *arguments, **keywords))

    def delete(self, key: Any, *arguments: Any, **keywords: Any) -> Any:
        here, there = super().delete, self._memory.delete
        return self._try(lambda: here(key, *arguments, **keywords), lambda: there(key, *arguments, **keywords))

    def incr(self, key: Any, *arguments: Any, **keywords: Any) -> Any:
        here, there = super().incr, self._memory.incr
        return self._try(lambda: here(key, *arguments, **keywords), lambda: there(key, *arguments, **keywords))

    def has_key(self, key: Any, *arguments: Any, **keywords: Any) -> Any:
        here, there = super().has_key, self._memory.has_key
        return self._try(lambda: here(key, *arguments, **keywords), lambda: there(key, *arguments, **keywords))

    def clear(self) -> Any:
        return self._try(super().clear, self._memory.clear)
