"""Which incidents a report is about: the filters of the list, with days instead of moments if one likes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.dateparse import parse_date

from incident_center.kernel.api.problems import InvalidInput
from incidents.filters import filtered_incidents, moment_of
from incidents.models import Incident
from organizations.members import Member

#: What a report understands besides ``format`` and ``bom``, in the order in which it is stated; of the first several.
_SEVERAL = ("status", "priority", "severity", "source", "label")
_ONE = ("service", "environment", "team", "assignee", "sla", "q")
_ALIASES = {"startDate": "from", "endDate": "to"}
#: What narrows a report down to a time.
DAY_NAMES = ("from", "to", *_ALIASES)


@dataclass(frozen=True)
class ReportQuery:
    """One report's incidents, newest first, and the filters in words."""

    incidents: QuerySet[Incident]
    stated: list[tuple[str, str]]
    since: datetime | None
    until: datetime | None

    @property
    def filters(self) -> dict[str, str]:
        """As they go on the record."""
        return dict(self.stated)


def report_query(member: Member, parameters: QueryDict) -> ReportQuery:
    """Reads the filters.

    ``from`` and ``to`` (or ``startDate`` and ``endDate``) are moments with an offset, or days in the organization's
    time zone, of which the last is included.

    Raises:
        InvalidInput: names the parameter and what would be right.
    """
    wanted = parameters.copy()
    for alias, name in _ALIASES.items():
        if (value := wanted.get(alias)) and not wanted.get(name):
            wanted[name] = value
    zone = ZoneInfo(member.organization.timezone)
    since, until = _moment(wanted, "from", zone), _moment(wanted, "to", zone)
    if since and until and until <= since:
        raise InvalidInput("to", "The report would end before it begins.")
    wanted.pop("merged", None)  # No report has those: they would count twice.
    for name, moment in (("from", since), ("to", until)):
        wanted[name] = moment.astimezone(UTC).isoformat() if moment else ""
    stated = [(name, ", ".join(filter(None, wanted.getlist(name)))) for name in _SEVERAL]
    stated += [(name, wanted.get(name, "")) for name in _ONE]
    stated += [(name, f"{moment:%Y-%m-%d %H:%M %Z}") for name, moment in (("from", since), ("before", until)) if moment]
    incidents = filtered_incidents(member, wanted).order_by("-opened_at", "-id")
    return ReportQuery(incidents, [(name, value) for name, value in stated if value], since, until)


def _moment(parameters: QueryDict, name: str, zone: ZoneInfo) -> datetime | None:
    text = parameters.get(name, "").strip()
    try:
        if (day := _day(name, text)) is None:
            moment = moment_of(parameters, name)
        else:
            moment = datetime.combine(day + timedelta(days=1 if name == "to" else 0), time.min, zone)
        if moment is not None:
            moment.astimezone(UTC)
    except OverflowError as error:  # Before the year 1, or after 9999.
        raise InvalidInput(name, "Write a time from the year 1 to 9999, in UTC.") from error
    return moment


def _day(name: str, text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError as error:  # Such as 30 February.
        raise InvalidInput(name, f"{text[:20]} is no day of the calendar.") from error
