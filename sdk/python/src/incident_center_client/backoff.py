"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from typing import Callable

LONGEST_RETRY_AFTER = 300.0


class Backoff:
    """Exponential back-off with jitter; a server's Retry-After takes precedence.

    `first` and `longest` are seconds. The jitter (between half and the whole of the step) keeps a fleet of
    processes, all cut off at the same moment, from coming back at the same moment.
    """

    def __init__(
        self,
        first: float = 0.5,
        longest: float = 30.0,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.first = first
        self.longest = longest
        self._uniform = uniform

    def delay(self, attempt: int, retry_after: float | None = None) -> float:
        """Seconds to wait after failed attempt number `attempt` (1 is the first).

        Retry-After is a lower bound, capped at five minutes, with up to 10 % added so that clients spread
        out.
        """
        if retry_after is not None:
            return min(max(retry_after, 0.0), LONGEST_RETRY_AFTER) * self._uniform(1.0, 1.1)
        step = min(self.longest, self.first * 2.0 ** min(attempt - 1, 30))
        return self._uniform(step / 2, step)
