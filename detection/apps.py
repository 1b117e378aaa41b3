from django.apps import AppConfig


class DetectionConfig(AppConfig):
    """Rules over logs, and the incidents that they open."""

    name = "detection"

    def ready(self) -> None:
        from detection import alert_sweep, audit_sentences, evidence, handlers, sweep  # noqa: F401  Four register themselves.
        from detection.portal import registration

        handlers.connect()
        registration.register()
