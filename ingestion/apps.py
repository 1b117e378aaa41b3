from django.apps import AppConfig


class IngestionConfig(AppConfig):
    """Logs in, durable when answered."""

    name = "ingestion"

    def ready(self) -> None:
        import ingestion.sweeps  # noqa: F401 - registers what follows the stream
        from incident_center.kernel.portal.navigation import NavigationItem, register
        from ingestion import audit_sentences  # noqa: F401  Registered by their import.
        from organizations.access import Action

        register(
            NavigationItem("Logs", "ingestion:logs", "scroll-text", Action.READ_LOGS, 30, shortcut="l", on_phone=True)
        )
