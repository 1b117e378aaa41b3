"""Ending alerts that were not sent again in time, as Alertmanager's API has it."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import F
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
    now = timezone.now()
    with transaction.atomic():
        group = AlertGroup.objects.select_for_update(no_key=True).filter(pk=group_id).first()
        if group is None:
            return 0
        expired = list(Alert.objects.filter(group=group, expires_at__lte=now).exclude(status=AlertStatus.RESOLVED))
        over = [alert for alert in expired if alert.incident_id in (None, group.incident_id)]
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
        receive_messages(actor=ACTOR, messages=messages, rule=alert_mapping())
        # Of an incident that is over for good. The same alert may fire in a newer one, so nobody hears that it ended.
        past = [alert.pk for alert in expired if alert not in over]
        Alert.objects.filter(pk__in=past).update(
            status=AlertStatus.RESOLVED, resolved_at=now, ends_at=F("expires_at"), expires_at=None
        )
    return len(expired)
