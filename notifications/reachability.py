"""What escalations are told of contacts and channels."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from notifications.models import Channel, NotificationRules, NotificationStep
from organizations.models import Membership


class ContactsAndChannels:
    """Implements ``incidents.escalation.reachability.Reachability``."""

    def unreachable_people(self, user_ids: Collection[UUID]) -> Mapping[UUID, str]:
        """Who has left, and whose own rules lead to no contact. Without rules the account's address or, where no
        e-mail is sent, the inbox is what the person has.
        """
        active = set(Membership.objects.filter(user__in=user_ids, is_active=True).values_list("user_id", flat=True))
        found = {user_id: "is no active member" for user_id in user_ids if user_id not in active}
        rules = dict(NotificationRules.objects.filter(user__in=active).values_list("pk", "user_id"))
        steps = NotificationStep.objects.filter(
            rules__in=rules, contact__removed_at=None, contact__verified_at__isnull=False
        )
        leading = set(steps.values_list("rules_id", flat=True))
        found |= {
            user_id: "has no verified contact in their notification rules"
            for rules_id, user_id in rules.items()
            if rules_id not in leading
        }
        return found

    def unreachable_channels(self, channel_ids: Collection[UUID]) -> Mapping[UUID, str]:
        channels = {channel.pk: channel for channel in Channel.objects.filter(pk__in=channel_ids, removed_at=None)}
        found = {channel_id: "is not there any more" for channel_id in channel_ids if channel_id not in channels}
        return found | {pk: "is switched off" for pk, channel in channels.items() if not channel.enabled}

    def channel_names(self) -> Mapping[UUID, str]:
        return dict(Channel.objects.filter(removed_at=None).order_by("name", "pk").values_list("pk", "name"))
