from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    """Incidents, their lifecycle and their immutable timeline."""

    name = "incidents"
