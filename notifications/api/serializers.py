"""The shapes of the inbox, channels and deliveries."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from incidents.api.serializers import SEVERITIES, StrictSerializer
from notifications.channels.registry import KIND_CHOICES, shown_address
from notifications.models import Channel, Delivery, DeliveryAttempt, Drill, Notification
from notifications.topics import CHANNEL_TOPICS

TOPIC_CHOICES = [(topic.value, topic.label) for topic in CHANNEL_TOPICS]
STATE_CHOICES = Delivery.State.choices


class IncidentReferenceSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="pk")
    number = serializers.IntegerField()
    title = serializers.CharField()
    severity = serializers.CharField()
    status = serializers.CharField()


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    incident = IncidentReferenceSerializer(allow_null=True, help_text="Null for a notice, which has a path.")
    event = serializers.CharField(source="topic")

    class Meta:
        model = Notification
        fields = ["id", "event", "title", "body", "incident", "path", "created_at", "read_at"]


class NotificationFilterSerializer(serializers.Serializer[Any]):
    unread = serializers.BooleanField(required=False, allow_null=True, default=None)


class MarkReadSerializer(serializers.Serializer[Any]):
    read = serializers.BooleanField(default=True, help_text="false marks it unread again.")


class MarkedSerializer(serializers.Serializer[Any]):
    marked = serializers.IntegerField(help_text="How many were unread.")


class AttemptSerializer(serializers.ModelSerializer[DeliveryAttempt]):
    class Meta:
        model = DeliveryAttempt
        fields = ["number", "started_at", "duration_ms", "outcome", "status_code", "answer", "error"]


class ChannelReferenceSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="pk")
    name = serializers.CharField()
    kind = serializers.CharField()


class ContactReferenceSerializer(serializers.Serializer[Any]):
    """Whom, and by what; never the address."""

    id = serializers.UUIDField(source="pk")
    name = serializers.CharField()
    kind = serializers.CharField()
    user = serializers.UUIDField(source="user_id")


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """To a channel or to a person's contact. ``next_attempt_at`` while it is pending, ``finished_at`` afterwards;
    ``failure`` says why in a sentence.
    """

    channel = ChannelReferenceSerializer(allow_null=True)
    contact = ContactReferenceSerializer(allow_null=True)
    incident = IncidentReferenceSerializer(allow_null=True, help_text="Null for a letter, which is about none.")
    event = serializers.CharField(source="topic")
    subject = serializers.CharField(allow_null=True, help_text="Of a letter.")
    next_attempt_at = serializers.SerializerMethodField()
    attempts = AttemptSerializer(many=True)

    class Meta:
        model = Delivery
        fields = [
            "id", "channel", "contact", "incident", "event", "subject", "state", "failure", "created_at",
            "next_attempt_at", "finished_at", "attempt_count", "attempts",
        ]  # fmt: skip

    def get_next_attempt_at(self, delivery: Delivery) -> str | None:
        if delivery.state != Delivery.State.PENDING:
            return None
        return str(serializers.DateTimeField().to_representation(delivery.next_attempt_at))


class DeliveryFilterSerializer(serializers.Serializer[Any]):
    channel = serializers.UUIDField(required=False)
    incident = serializers.UUIDField(required=False)
    state = serializers.ChoiceField(choices=STATE_CHOICES, required=False)


class LastDeliverySerializer(serializers.ModelSerializer[Delivery]):
    class Meta:
        model = Delivery
        fields = ["id", "state", "failure", "finished_at"]


class ChannelSerializer(serializers.ModelSerializer[Channel]):
    """A channel as it is shown: its address masked, its secret never."""

    url = serializers.SerializerMethodField(help_text="Masked: the address is a credential.")
    waiting = serializers.IntegerField(source="waiting_count", default=0, help_text="Messages on their way.")
    last_delivery = serializers.SerializerMethodField()

    class Meta:
        model = Channel
        fields = [
            "id", "name", "kind", "url", "enabled", "created_at", "previous_secret_expires_at", "waiting",
            "last_delivery", "drill_every_days", "next_drill_at",
        ]  # fmt: skip

    def get_url(self, channel: Channel) -> str:
        return shown_address(channel.kind, channel.url)

    def get_last_delivery(self, channel: Channel) -> dict[str, Any] | None:
        delivery = self.context.get("last_deliveries", {}).get(channel.pk)
        return None if delivery is None else dict(LastDeliverySerializer(delivery).data)


class ChannelWriteSerializer(StrictSerializer):
    name = serializers.CharField(max_length=200)
    url = serializers.CharField(max_length=2_000, write_only=True)
    credential = serializers.CharField(
        max_length=2_000, write_only=True, required=False, help_text="Where the kind has one, such as a bot token."
    )
    signing_secret = serializers.CharField(
        max_length=2_000,
        write_only=True,
        required=False,
        allow_blank=True,
        help_text="What a slack_app signs its requests with, so that people can acknowledge there; empty: they cannot.",
    )
    drill_every_days = serializers.IntegerField(
        min_value=0, max_value=365, required=False, help_text="How often a drill goes through it; 0: never."
    )
    enabled = serializers.BooleanField(required=False)


class ChannelCreateSerializer(ChannelWriteSerializer):
    """``events`` to ``environment`` are the conditions of the channel's first route; see /v1/routes for more."""

    kind = serializers.ChoiceField(choices=KIND_CHOICES)
    has_route = serializers.BooleanField(default=True, help_text="false: no route is made, and nothing leads here yet.")
    events = serializers.ListField(child=serializers.ChoiceField(choices=TOPIC_CHOICES), required=False)
    minimum_severity = serializers.ChoiceField(choices=SEVERITIES, required=False)
    service = serializers.UUIDField(source="service_id", required=False, allow_null=True)
    environment = serializers.CharField(max_length=100, required=False, allow_blank=True)


class IssuedChannelSerializer(ChannelSerializer):
    """The only answers that hold the signing secret; it is null where the kind has none."""

    secret = serializers.SerializerMethodField(help_text="Shown this once.")

    class Meta(ChannelSerializer.Meta):
        fields = [*ChannelSerializer.Meta.fields, "secret"]

    def get_secret(self, channel: Channel) -> str | None:
        return self.context.get("secret") or None


class RotateSecretSerializer(serializers.Serializer[Any]):
    overlap_hours = serializers.IntegerField(min_value=0, max_value=720, default=24)


class TestAnswerSerializer(serializers.Serializer[Any]):
    """What the other side answered to the test message."""

    outcome = serializers.ChoiceField(choices=["delivered", "retry", "failed"])
    status_code = serializers.IntegerField(allow_null=True)
    answer = serializers.CharField()
    error = serializers.CharField()


class DrillSerializer(serializers.ModelSerializer[Drill]):
    """``passed``: the other side took it, and a person said that it arrived; ``sent``: they have not said so yet."""

    channel = ChannelReferenceSerializer(allow_null=True)
    contact = ContactReferenceSerializer(allow_null=True)
    incident = IncidentReferenceSerializer(allow_null=True, help_text="Opened because it failed.")

    class Meta:
        model = Drill
        fields = [
            "id", "channel", "contact", "state", "created_at", "tries", "delivered_at", "finished_at", "status_code",
            "failure", "incident",
        ]  # fmt: skip


class DrillFilterSerializer(serializers.Serializer[Any]):
    channel = serializers.UUIDField(required=False)
    state = serializers.ChoiceField(choices=Drill.State.choices, required=False)
