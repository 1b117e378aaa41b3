from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The record of every change."""

    name = "audit"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate, pre_migrate

        from audit import (
            guard,
            sentences,  # noqa: F401  (registers itself)
            sweeps,  # noqa: F401  (registers itself)
        )
        from audit.actions.epochs import begin_epoch_after_restore
        from audit.actions.signing_key import make_first_signing_key
        from audit.portal.banner import broken_chain
        from audit.portal.history import history_address
        from incident_center.kernel.portal import banners, history
        from incident_center.kernel.portal.navigation import NavigationItem, register
        from organizations.access import Action

        register(NavigationItem("Audit", "audit:audit", "shield-check", Action.READ_AUDIT, 90, shortcut="u"))
        history.register(history_address)
        banners.register(broken_chain)
        pre_migrate.connect(guard.say_that_migration_begins, sender=self)
        post_migrate.connect(guard.say_that_migration_ended, sender=self)
        post_migrate.connect(begin_epoch_after_restore, sender=self)
        post_migrate.connect(make_first_signing_key, sender=self)
