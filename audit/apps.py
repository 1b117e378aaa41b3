from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The record of every change."""

    name = "audit"

    def ready(self) -> None:
        from audit import sentences  # noqa: F401  (registers itself)
        from incident_center.kernel.portal.navigation import NavigationItem, register
        from organizations.access import Action

        register(NavigationItem("Audit", "audit:audit", "shield-check", Action.READ_AUDIT, 90, shortcut="u"))
