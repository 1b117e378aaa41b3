"""Public holidays by country, from the ``holidays`` library. No Django in here."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import holidays

#: The years for which clocks may be computed; the library knows rules, so the far ones are as good as its rules.
FIRST_YEAR, LAST_YEAR = 2020, 2040


@lru_cache(maxsize=256)
def holidays_of(country: str, subdivision: str = "") -> frozenset[date]:
    """The public holidays of a country, or of a part of it; none for an empty country."""
    if not country:
        return frozenset()
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=years))


def countries() -> list[str]:
    return sorted(holidays.list_supported_countries(include_aliases=False))


def subdivisions(country: str) -> list[str]:
    return sorted(holidays.list_supported_countries(include_aliases=False).get(country, []))


def named_holidays(country: str, subdivision: str, year: int) -> list[tuple[date, str]]:
    """A year's holidays in order, with their names in the country's language."""
    if not country:
        return []
    return sorted(holidays.country_holidays(country, subdiv=subdivision or None, years=year).items())
