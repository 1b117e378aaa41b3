"""Reporting duties of three European laws as templates of SLA policies. No Django in here.

They state the latest moments that the law names; all three also say "without undue delay". Whether an incident falls
under a law, and from when on one is aware of it, people decide: they start the clocks.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

AWARENESS = "awareness"
CLASSIFICATION = "classification"
#: What a milestone may be counted from besides another milestone.
ORIGINS = (AWARENESS, CLASSIFICATION)
UNITS = ("hours", "days", "months")


MOST_MILESTONES = 20
LONGEST_MILESTONE_NAME = 100
LONGEST_CITATION = 300
LARGEST_AMOUNT = 10_000


@dataclass(frozen=True)
class Milestone:
    """A report that is due ``amount`` ``unit`` after an origin, or after another milestone, was reached."""

    name: str
    amount: int
    unit: str = "hours"
    after: str = AWARENESS
    citation: str = ""
    latest_hours_after_awareness: int | None = None
    """A second bound: whichever comes first holds, unless what it is counted from came after it."""


@dataclass(frozen=True)
class Template:
    slug: str
    name: str
    description: str
    source: str
    milestones: tuple[Milestone, ...]

    def stored_milestones(self) -> list[dict[str, Any]]:
        return [asdict(milestone) for milestone in self.milestones]


TEMPLATES = (
    Template(
        slug="nis2",
        name="NIS2: significant incident",
        description="Reports of an essential or important entity to its CSIRT or competent authority.",
        source="Directive (EU) 2022/2555, Article 23(4)",
        milestones=(
            Milestone("Early warning", 24, citation="Article 23(4)(a)"),
            Milestone("Incident notification", 72, citation="Article 23(4)(b)"),
            Milestone("Final report", 1, "months", after="Incident notification", citation="Article 23(4)(d)"),
        ),
    ),
    Template(
        slug="gdpr",
        name="GDPR: personal data breach",
        description="Notification of a controller to its supervisory authority.",
        source="Regulation (EU) 2016/679, Article 33",
        milestones=(Milestone("Notification of the authority", 72, citation="Article 33(1)"),),
    ),
    Template(
        slug="dora",
        name="DORA: major ICT-related incident",
        description="Reports of a financial entity to its competent authority.",
        source="Regulation (EU) 2022/2554, Article 19(4), with Delegated Regulation (EU) 2025/301, Article 5",
        milestones=(
            Milestone(
                "Initial notification",
                4,
                after=CLASSIFICATION,
                citation="Delegated Regulation (EU) 2025/301, Article 5(1)(a)",
                latest_hours_after_awareness=24,
            ),
            Milestone(
                "Intermediate report",
                72,
                after="Initial notification",
                citation="Delegated Regulation (EU) 2025/301, Article 5(1)(b)",
            ),
            Milestone(
                "Final report",
                1,
                "months",
                after="Intermediate report",
                citation="Delegated Regulation (EU) 2025/301, Article 5(1)(c)",
            ),
        ),
    ),
)


def template(slug: str) -> Template | None:
    return next((one for one in TEMPLATES if one.slug == slug), None)


def due_times(
    milestones: tuple[Milestone, ...],
    *,
    aware_at: datetime,
    classified_at: datetime | None,
    recorded: Mapping[str, datetime],
) -> dict[str, datetime]:
    """When each milestone is due, in the order given.

    What is counted from another milestone is counted from the moment at which that one was recorded, or, until then,
    from the moment at which it is due.
    """
    due: dict[str, datetime] = {}
    for milestone in milestones:
        due[milestone.name] = _due(milestone, aware_at, classified_at or aware_at, recorded, due)
    return due


def _due(
    milestone: Milestone,
    aware_at: datetime,
    classified_at: datetime,
    recorded: Mapping[str, datetime],
    due: Mapping[str, datetime],
) -> datetime:
    if milestone.after == AWARENESS:
        origin = aware_at
    elif milestone.after == CLASSIFICATION:
        origin = classified_at
    else:
        origin = recorded.get(milestone.after) or due[milestone.after]
    moment = after(origin, milestone.amount, milestone.unit)
    if milestone.latest_hours_after_awareness is not None:
        latest = aware_at + timedelta(hours=milestone.latest_hours_after_awareness)
        if origin <= latest:  # What is classified later still than that has its own hours, not a time that is past.
            moment = min(moment, latest)
    return moment


def after(origin: datetime, amount: int, unit: str) -> datetime:
    """``amount`` hours, days or calendar months later; 31 January and a month is the last day of February."""
    if unit != "months":
        return origin + timedelta(**{unit: amount})
    months = origin.month - 1 + amount
    year, month = origin.year + months // 12, months % 12 + 1
    return origin.replace(year=year, month=month, day=min(origin.day, calendar.monthrange(year, month)[1]))


def read_milestones(stored: list[dict[str, Any]]) -> tuple[Milestone, ...]:
    return tuple(Milestone(**one) for one in stored)


def faults_of(stored: object) -> list[tuple[str, str]]:
    """What is wrong with milestones that somebody sent: field, and what would be right."""
    if not isinstance(stored, list) or not 0 < len(stored) <= MOST_MILESTONES:
        return [("milestones", f"List 1 to {MOST_MILESTONES} milestones.")]
    faults: list[tuple[str, str]] = []
    known: list[str] = []
    for index, one in enumerate(stored):
        where = f"milestones[{index}]"
        if not isinstance(one, dict):
            faults.append((where, "Write an object with name, amount, unit, after and citation."))
            continue
        faults += [(f"{where}.{field}", message) for field, message in _faults_of_one(one, known)]
        known.append(str(one.get("name", "")))
    return faults


def _faults_of_one(one: dict[str, Any], known: list[str]) -> list[tuple[str, str]]:
    faults = []
    unknown = sorted(one.keys() - Milestone.__dataclass_fields__.keys())
    if unknown:
        faults.append((unknown[0], "A milestone has no such field."))
    name = one.get("name")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= LONGEST_MILESTONE_NAME or name in (*known, *ORIGINS):
        faults.append(
            ("name", f"Name the milestone in 1 to {LONGEST_MILESTONE_NAME} characters, differently from the others.")
        )
    amount = one.get("amount")
    if not isinstance(amount, int) or isinstance(amount, bool) or not 0 < amount <= LARGEST_AMOUNT:
        faults.append(("amount", f"Write a whole number from 1 to {LARGEST_AMOUNT:,}."))
    if one.get("unit", "hours") not in UNITS:
        faults.append(("unit", f"Write one of {', '.join(UNITS)}."))
    if one.get("after", AWARENESS) not in (*ORIGINS, *known):
        faults.append(("after", f"Write {', '.join(ORIGINS)}, or the name of an earlier milestone."))
    if not isinstance(one.get("citation", ""), str) or len(one.get("citation", "")) > LONGEST_CITATION:
        faults.append(("citation", f"Write at most {LONGEST_CITATION} characters."))
    latest = one.get("latest_hours_after_awareness")
    is_whole = isinstance(latest, int) and not isinstance(latest, bool)
    if latest is not None and not (is_whole and 0 < latest <= LARGEST_AMOUNT):
        faults.append(("latest_hours_after_awareness", "Write a whole number of hours, or leave it out."))
    return faults
