from django.apps import AppConfig


class DetectionConfig(AppConfig):
    """Rules over logs, and the incidents that they open."""

    name = "detection"
