"""Ending alerts that were not sent again in time, as Alertmanager's API has it."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from detection.actions.receive_alerts import receive_messages
from detection.alerts.messages import Message
from detection.models import Alert, AlertGroup, AlertStatus
from detection.selectors import alert_mapping
from incident_center.kernel.scope import Actor
from ingestion.parsers.alerts.signal import Signal, Step

ACTOR = Actor.system("alerts")


def expire_alerts(*, group_id: UUID) -> int:
    """Resolves what expired in the group; how many alerts that were."""
    with transaction.atomic():
        group = AlertGroup.objects.select_for_update(no_key=True).filter(pk=group_id).first()
        if group is None:
            return 0
        over = list(
            Alert.objects.filter(group=group, expires_at__lte=timezone.now()).exclude(status=AlertStatus.RESOLVED)
        )
        messages = [
            Message(
                Signal(
                    group.source,
                    group.problem,
                    alert.fingerprint,
                    Step.RESOLVE,
                    starts_at=alert.starts_at,
                    ends_at=alert.expires_at,
                ),
                group.key,
            )
            for alert in over
        ]
        past = [alert.pk for alert in over if alert.incident_id not in (None, group.incident_id)]
        Alert.objects.filter(pk__in=past).update(expires_at=None)  # Of an incident that is over for good.
        receive_messages(actor=ACTOR, messages=messages, rule=alert_mapping())
    return len(over)
