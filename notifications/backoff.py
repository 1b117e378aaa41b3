"""When to try again. No Django in here."""

from __future__ import annotations

import random
from datetime import timedelta

FIRST_SECONDS = 2.0
LONGEST_SECONDS = 3_600.0


def delay_before_retry(
    tries: int, *, retry_after_seconds: float | None = None, spread: float | None = None
) -> timedelta:
    """How long to wait after the ``tries``-th failure in a row: 2 s, 4 s, 8 s … to an hour, less up to a half.

    Args:
        tries: failures so far, from 1.
        retry_after_seconds: what the other side asked for; never less than this is waited.
        spread: 0 to 1, for tests; random otherwise, so that messages that failed together do not come back together.
    """
    full = min(FIRST_SECONDS * 2 ** min(tries - 1, 30), LONGEST_SECONDS)
    share = random.random() if spread is None else spread  # noqa: S311  No secret hangs on it.
    return timedelta(seconds=max(full * (1 - share / 2), retry_after_seconds or 0.0))
