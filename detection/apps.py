from django.apps import AppConfig


class DetectionConfig(AppConfig):
    """Rules over logs, and the incidents that they open."""

    name = "detection"

    def ready(self) -> None:
        from detection import handlers, sweep  # noqa: F401  A sweep registers itself.

        handlers.connect()
