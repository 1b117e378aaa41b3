from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The record of every change."""

    name = "audit"
