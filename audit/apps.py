from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The record of every change."""

    name = "audit"

    def ready(self) -> None:
        from audit import sentences  # noqa: F401  (registers itself)
