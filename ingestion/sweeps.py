"""What follows the stream of logs, a second behind it."""

from __future__ import annotations

import time
from datetime import timedelta

from django.db import connection

from incident_center.kernel.sweeps import Lane, sweep
from ingestion.mining import mining_thread

EVERY = timedelta(seconds=1)
#: Of one worker's time, how much counting may take: under a flood it falls behind a little, and counts more at once.
SHARE = 0.1


class MinuteCounter:
    """Keeps the counts by minute; whoever reads them adds what came since."""

    def __init__(self) -> None:
        self._not_before = 0.0

    def run(self) -> int:
        """Counts what was stored since the last time; how many logs that were."""
        began = time.monotonic()
        if began < self._not_before:
            return 0
        with connection.cursor() as cursor:
            cursor.execute("SELECT ingestion_count_logs()")
            counted = cursor.fetchone()[0]
        ended = time.monotonic()
        self._not_before = ended + (ended - began) / SHARE
        return int(counted)


minute_counter = MinuteCounter()


@sweep(name="log minutes", every=EVERY, lane=Lane.BACKGROUND)
def count_minutes() -> None:
    minute_counter.run()


@sweep(name="log patterns", every=timedelta(seconds=2), lane=Lane.BACKGROUND)
def wake_mining() -> None:
    mining_thread.wake()
