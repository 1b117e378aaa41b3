from django.apps import AppConfig


class KernelConfig(AppConfig):
    """Tenancy, transport and habits that every app stands on."""

    name = "incident_center.kernel"
    label = "kernel"

    def ready(self) -> None:
        from importlib import import_module

        from django.core.management.commands import makemigrations
        from django.db.models.signals import post_migrate
        from django_tenants.management.commands.migrate_schemas import MigrateSchemasCommand

        from incident_center.kernel import checks
        from incident_center.kernel.database.privileges import grant_runtime_privileges

        # Tasks that a web process publishes belong to the installation's Celery application.
        import_module("incident_center.celery")
        checks.register()
        # pgtrigger replaces the autodetector of Django's commands; django-tenants' migrate has a copy of its own.
        MigrateSchemasCommand.autodetector = makemigrations.Command.autodetector
        post_migrate.connect(grant_runtime_privileges, sender=self)
