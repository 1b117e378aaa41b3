from django.apps import AppConfig


class DetectionConfig(AppConfig):
    """Rules over logs, and the incidents that they open."""

    name = "detection"

    def ready(self) -> None:
        from detection import alert_sweep, audit_sentences, evidence, handlers, silence_sweep, sweep  # noqa: F401
        from detection.actions.replay_alert import replay_alert
        from detection.portal import registration
        from detection.silences import audit_sentences as silence_sentences  # noqa: F401
        from ingestion.models import DeadLetter
        from ingestion.replays import register_replayer

        handlers.connect()
        register_replayer(DeadLetter.Kind.ALERT, replay_alert)
        registration.register()
