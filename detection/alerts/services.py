"""The services that alerts name: found by the mapping, or made up to the cap that gateways share."""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from detection.alerts.mapping import Reading
from detection.models import AlertMapping
from incident_center.kernel.scope import Actor
from ingestion.gateway import service_resolver
from organizations.models import Service


@lru_cache(maxsize=10_000)
def public_id_of(service_id: int) -> UUID:
    """Of the service for which a key speaks. It never changes, so a process asks once."""
    return Service.objects.values_list("public_id", flat=True).get(pk=service_id)


class NamedServices:
    """Remembers what it found for the length of one batch."""

    def __init__(self, rule: AlertMapping, actor: Actor) -> None:
        self._rule = rule
        self._make = service_resolver(actor)
        self._found: dict[tuple[str, str], tuple[Service | None, str]] = {}

    def service(self, reading: Reading) -> tuple[Service | None, str]:
        """The service, and what had to be done or why there is none; empty where it was simply there."""
        if not reading.service:
            return None, ""
        key = (reading.service.lower(), reading.environment.lower())
        if key not in self._found:
            self._found[key] = self._look_up(reading)
        return self._found[key]

    def _look_up(self, reading: Reading) -> tuple[Service | None, str]:
        living = Service.objects.filter(retired_at=None)
        try:
            if (named := living.filter(public_id=UUID(reading.service)).first()) is not None:
                return named, ""
        except ValueError:
            pass  # A name, not an id.
        known = living.filter(name__iexact=reading.service, environment__iexact=reading.environment).first()
        if known is not None:
            return known, ""
        where = f"{reading.service} in {reading.environment}"
        if not self._rule.creates_services:
            return None, f"There is no service {where}, and the mapping makes none, so the incident has no service."
        try:
            made = Service.objects.get(pk=self._make(reading.service, reading.environment))
        except ValueError as error:
            return None, f"The incident has no service: {str(error).removeprefix('service: ')}."
        return made, f"The service {where} was not known and is made."
