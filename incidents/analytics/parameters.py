"""What a query string asks for: one reading for the API and the page."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from django.http import QueryDict
from django.utils.dateparse import parse_date

from incident_center.kernel.api.problems import InvalidInput
from incidents.analytics.period import Period, day_of, last_days
from incidents.analytics.selectors import organization_timezone
from incidents.analytics.source import Choice
from incidents.filters import moment_of, of_service
from organizations.models import Service

DEFAULT_DAYS = 30
MOST_DAYS = 1_100
#: Days that can be counted in any time zone, with as many before them to compare with.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)
_OUTSIDE = f"Write a day from {FIRST_DAY} to {LAST_DAY}."


def choice_of(parameters: QueryDict, now: datetime, *, days: int = DEFAULT_DAYS) -> Choice:
    """``from``, ``to`` (before which), ``service`` and ``team``; without times the last ``days`` days.

    Raises:
        InvalidInput: names the parameter and what would be right.
    """
    timezone = organization_timezone()
    latest = last_days(days, now, timezone)
    last = _day(parameters, "to", timezone, before=True) or latest.last
    first = _day(parameters, "from", timezone) or min(latest.first, last)
    for name, day in (("from", first), ("to", last)):
        if not FIRST_DAY <= day <= LAST_DAY:
            raise InvalidInput(name, _OUTSIDE)
    if first > last:
        raise InvalidInput("from", "The time from which to count has to be before the time to which.")
    if (last - first).days >= MOST_DAYS:
        raise InvalidInput("from", f"Ask for at most {MOST_DAYS} days.")
    return Choice(Period(first, last, timezone), _services(parameters))


def _day(parameters: QueryDict, name: str, timezone: str, *, before: bool = False) -> date | None:
    """A date is that day; a moment the day that it lies in, or, for ``to``, the last day that begins before it."""
    try:
        day = parse_date(parameters.get(name, "").strip())
    except ValueError:
        day = None
    if day is not None:
        return day
    moment = moment_of(parameters, name)
    if moment is None:
        return None
    try:
        return day_of(moment - timedelta(microseconds=1) if before else moment, timezone)
    except OverflowError as error:
        raise InvalidInput(name, _OUTSIDE) from error


def _services(parameters: QueryDict) -> tuple[int, ...] | None:
    service, team = parameters.get("service", ""), parameters.get("team", "")
    if not service and not team:
        return None
    services = Service.objects.all()
    if service:
        services = services.filter(of_service(service, ""))
    if team:
        try:
            services = services.filter(team_id=UUID(team))
        except ValueError as error:
            raise InvalidInput("team", "Write an id.") from error
    return tuple(services.values_list("pk", flat=True))
