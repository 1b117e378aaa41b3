"""Which service an entry of a gateway belongs to: found by name and environment, made on first sight up to a
cap.
"""

from __future__ import annotations

from incident_center.kernel.api.problems import Problem
from incident_center.kernel.scope import Actor
from organizations.actions.services import service_create
from organizations.models import Service

DEFAULT_ENVIRONMENT = "production"
NAME_CHARACTERS = 200
ENVIRONMENT_CHARACTERS = 100
#: Of one organization. A gateway that makes a name of each request or container must not fill the services
#: page.
SERVICES_MADE_BY_GATEWAYS = 500


def service_resolver(actor: Actor) -> GatewayServices:
    return GatewayServices(actor)


class GatewayServices:
    """Looks services up in the open scope; ``actor`` is recorded as the maker of new ones."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    def __call__(self, name: str, environment: str) -> int:
        """The id of the service called ``name``.

        Raises:
            ValueError: the name is unusable, or the cap on services is reached.
        """
        name, environment = name.strip(), environment.strip() or DEFAULT_ENVIRONMENT
        if not name or len(name) > NAME_CHARACTERS or "\0" in name:
            raise ValueError(f"service: the name must be 1 to {NAME_CHARACTERS} characters")
        if len(environment) > ENVIRONMENT_CHARACTERS or "\0" in environment:
            raise ValueError(f"environment: the name must be 1 to {ENVIRONMENT_CHARACTERS} characters")
        found = self._find(name, environment)
        return found if found is not None else self._make(name, environment)

    def _find(self, name: str, environment: str) -> int | None:
        living = Service.objects.filter(retired_at=None, name__iexact=name, environment__iexact=environment)
        return living.values_list("id", flat=True).first()

    def _make(self, name: str, environment: str) -> int:
        if Service.objects.filter(retired_at=None).count() >= SERVICES_MADE_BY_GATEWAYS:
            raise ValueError(
                f"service: {name!r} is not known, and there are {SERVICES_MADE_BY_GATEWAYS} services already"
            )
        try:
            return service_create(actor=self._actor, name=name, environment=environment).id
        except Problem as problem:
            found = self._find(name, environment)  # Another request made it a moment ago.
            if found is None:
                raise ValueError(f"service: {problem.detail}") from problem
            return found
