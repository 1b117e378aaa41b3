from django.apps import AppConfig


class IngestionConfig(AppConfig):
    """Logs in, durable when answered."""

    name = "ingestion"

    def ready(self) -> None:
        import ingestion.sweeps  # noqa: F401 - registers what follows the stream
        from incident_center.kernel.portal.navigation import NavigationItem, register
        from ingestion import audit_sentences  # noqa: F401  Registered by their import.
        from ingestion.archive import off_boarding
        from ingestion.portal.stored import settings_section
        from organizations.access import Action
        from organizations.portal import settings_sections

        register(
            NavigationItem("Logs", "ingestion:logs", "scroll-text", Action.READ_LOGS, 30, shortcut="l", on_phone=True)
        )
        settings_sections.register("stored logs", settings_section)
        off_boarding.connect()
