from __future__ import annotations

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """The inbox, the outgoing channels, the outbox between them and the incidents, and live updates."""

    name = "notifications"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from audit.events import chain_broken
        from incidents.escalation import reachability
        from incidents.events import incident_changed, incident_counted, letter_written, people_told, responders_paged
        from notifications import audit_messages, coverage, drill_sweep, navigation, sweeps  # noqa: F401  Registered by their import.
        from notifications.actions.chain_tell import chain_tell
        from notifications.actions.change_announce import change_announce
        from notifications.actions.letter_write import letter_write
        from notifications.actions.notice_write import notice_write
        from notifications.actions.push_key import make_push_key
        from notifications.actions.responders_page import responders_page
        from notifications.events import deliveries_written
        from notifications.live.publishing import tell_change, tell_count
        from notifications.reachability import ContactsAndChannels
        from notifications.tasks import wake_outbox

        post_migrate.connect(make_push_key, sender=self)
        reachability.register(ContactsAndChannels())
        incident_changed.connect(change_announce)
        responders_paged.connect(responders_page)
        people_told.connect(notice_write)
        letter_written.connect(letter_write)
        chain_broken.connect(chain_tell)
        incident_changed.connect(tell_change)
        incident_counted.connect(tell_count)
        deliveries_written.connect(wake_outbox)
