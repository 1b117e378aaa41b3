"""What each figure means, in words that the page shows, and the mathematics of medians. No Django in here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import time

#: A duration is kept by the power of this that it reaches: a median read from the bins is within 5 % of the true one.
BIN_GROWTH = 1.1
#: Monday to Friday between these times, in the organization's time zone; a page at any other time is out of hours.
OFFICE_OPENS, OFFICE_CLOSES = time(8), time(18)

DEFINITIONS: tuple[tuple[str, str], ...] = (
    (
        "What counts",
        "Incidents that were neither withdrawn nor merged into another, as they are now: withdrawing or merging one"
        " later takes it out of the days on which it counted."
        " Days begin at midnight in the organization's time zone.",
    ),
    (
        "MTTA",
        "From opening to acknowledgement, of the incidents acknowledged in the period, whenever they were opened. One"
        " that nobody has acknowledged is not in it. Reopening empties the acknowledgement; the next one is measured"
        " from the first opening.",
    ),
    (
        "MTTR",
        "From opening to resolution, of the incidents resolved in the period. One that is open, or was reopened and is"
        " not resolved again, is not in it; one that was resolved twice counts once, on the day of the last.",
    ),
    (
        "Mean, median, p90",
        "The mean is exact. Median and 90th percentile (nearest rank) are within 5 % of the exact value.",
    ),
    (
        "SLA attainment",
        "Targets met, of those decided in the period. A target is missed on the day that it was due and not met,"
        " even while its incident is open; cancelled ones are left out.",
    ),
    (
        "Resolved without action",
        "Resolved while no person did anything to it: no acknowledgement, no note, no step by hand.",
    ),
    (
        "Pages",
        "Each person whom a step of an escalation told, once for each step, of any incident. What was withdrawn or"
        " merged later counts too: people were woken by it.",
    ),
    (
        "Out of hours",
        f"Pages outside Monday to Friday {OFFICE_OPENS:%H:%M} to {OFFICE_CLOSES:%H:%M},"
        " in the organization's time zone.",
    ),
)


def quantile_of_bins(bins: Mapping[int, int], share: float) -> float | None:
    """The duration in seconds that ``share`` of all do not exceed, by nearest rank; None without any.

    ``bins`` counts durations by ⌊log₁.₁ seconds⌋; what is shorter than a second is in bin 0. The answer is the
    geometric middle of a bin, so it is at most √1.1, not quite 5 %, away from the true one.
    """
    total = sum(bins.values())
    if total == 0:
        return None
    rank = math.ceil(share * total)
    for number in sorted(bins):
        rank -= bins[number]
        if rank <= 0:
            break
    return BIN_GROWTH ** (number + 0.5)
