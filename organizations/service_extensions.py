"""Settings of a service that belong to upper apps: its escalation policy, its SLA policy.

The services API and page are here, at the bottom; what a policy is, only an upper app knows. It registers a field
in ``AppConfig.ready()``, and the API's object, the page and its form have it:

```
service_extensions.register(
    ServiceField(
        name="escalation_policy",
        label="Escalation policy",
        serializer_field=lambda: serializers.UUIDField(required=False, allow_null=True),
        form_field=lambda: forms.TypedChoiceField(choices=…, coerce=UUID, empty_value=None, required=False),
        read=policies_of_services,
        write=service_set_escalation_policy,
    )
)
```
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from incident_center.kernel.scope import Actor
from organizations.models import Service


@dataclass(frozen=True)
class ServiceField:
    """One setting. Values are what ``serializer_field`` reads and writes; None stands for “not set”."""

    name: str
    label: str
    serializer_field: Callable[[], Any]
    form_field: Callable[[], Any]
    """A field with choices; called for each form, in the organization's scope."""
    read: Callable[[Collection[int]], Mapping[int, Any]]
    """By services' integer keys, in one query; a service that is left out has None."""
    write: Callable[[Service, Any, Actor], None]
    """Inside the transaction that holds the service's lock. Raises InvalidInput naming the field."""


_fields: dict[str, ServiceField] = {}


def register(field: ServiceField) -> None:
    """Adds a field; one of the same name is replaced."""
    _fields[field.name] = field


def registered() -> tuple[ServiceField, ...]:
    return tuple(_fields.values())


Panel = Callable[[Service], str]
"""The HTML of a card about a service, made from a template."""

_panels: list[Panel] = []


def register_panel(panel: Panel) -> None:
    """Adds a card to the service's page."""
    if panel not in _panels:
        _panels.append(panel)


def panels(service: Service) -> list[str]:
    return [panel(service) for panel in _panels]


def attach(services: Iterable[Service]) -> list[Service]:
    """Sets each registered field as an attribute of the services, with one query a field however many they are."""
    found = list(services)
    keys = [service.pk for service in found]
    for field in registered():
        values = field.read(keys) if keys else {}
        for service in found:
            setattr(service, field.name, values.get(service.pk))
    return found


def separated(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with those of registered fields under ``extensions``, as ``service_create`` takes them."""
    own = {name: value for name, value in values.items() if name not in _fields}
    return {**own, "extensions": {name: value for name, value in values.items() if name in _fields}}


def write(service: Service, values: Mapping[str, Any], actor: Actor) -> None:
    """Writes those of the values that are registered fields; part of the service's own transaction."""
    for field in registered():
        if field.name in values:
            field.write(service, values[field.name], actor)
