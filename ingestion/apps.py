from django.apps import AppConfig


class IngestionConfig(AppConfig):
    """Logs in, durable when answered."""

    name = "ingestion"

    def ready(self) -> None:
        from incident_center.kernel.portal.navigation import NavigationItem, register
        from organizations.access import Action

        register(
            NavigationItem("Logs", "ingestion:logs", "scroll-text", Action.READ_LOGS, 30, shortcut="l", on_phone=True)
        )
