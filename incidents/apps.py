from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    """Incidents, their lifecycle and their immutable timeline."""

    name = "incidents"

    def ready(self) -> None:
        from incidents import audit_sentences  # noqa: F401  (registers itself)
        from incidents.portal import registration

        registration.register()
