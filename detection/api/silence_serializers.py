"""The shapes of silences, maintenance windows and their previews."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.utils import timezone
from rest_framework import serializers

from detection.models import Alert, Silence
from detection.silences import selectors
from detection.silences.preview import EXAMPLES, Preview
from incidents.api.serializers import SEVERITIES, StrictSerializer
from incidents.models import Incident

WINDOW_MATCHERS = ("services", "environments")


class RecurrenceSerializer(StrictSerializer):
    """In force only at these hours, by the clock of ``time_zone``; until before from is over midnight."""

    days = serializers.ListField(
        child=serializers.CharField(max_length=10), required=False, help_text="monday to sunday; none: every day."
    )
    until = serializers.CharField(max_length=8, help_text="02:00")

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": serializers.CharField(max_length=8, help_text="22:00")}


class MatchersSerializer(StrictSerializer):
    """All of it has to fit; what is left out asks for nothing, but something has to be asked for."""

    services = serializers.ListField(child=serializers.UUIDField(), required=False)
    environments = serializers.ListField(child=serializers.CharField(), required=False)
    severities = serializers.ListField(child=serializers.ChoiceField(choices=SEVERITIES), required=False)
    labels = serializers.ListField(child=serializers.CharField(), required=False, help_text="Of the incident; all.")
    alert_labels = serializers.DictField(
        child=serializers.CharField(), required=False, help_text="Every alert of the incident that fires has them."
    )
    title = serializers.CharField(required=False, allow_blank=True, help_text="Words that are all in the title.")
    dedup_key = serializers.CharField(required=False, allow_blank=True, help_text="The key, or its beginning and *.")


class _TimesSerializer(StrictSerializer):
    """The fields that silences and maintenance windows share."""

    reason = serializers.CharField(max_length=300)
    owner = serializers.UUIDField(required=False, help_text="A member; you unless given.")
    starts_at = serializers.DateTimeField(required=False, help_text="Now unless given.")
    ends_at = serializers.DateTimeField(help_text="At most 30 days later; 366 where it recurs.")
    time_zone = serializers.CharField(max_length=64, required=False, help_text="UTC unless given.")
    recurrence = RecurrenceSerializer(required=False, allow_null=True)


class SilenceWriteSerializer(_TimesSerializer):
    matchers = MatchersSerializer()


class WindowWriteSerializer(_TimesSerializer):
    """At least one service or environment."""

    services = serializers.ListField(child=serializers.UUIDField(), required=False)
    environments = serializers.ListField(child=serializers.CharField(), required=False)


class SilenceReadSerializer(serializers.ModelSerializer[Silence]):
    owner = serializers.UUIDField(source="owner_id")
    owner_name = serializers.CharField(source="owner.name")
    state = serializers.SerializerMethodField(help_text="scheduled, active or over")
    active_until = serializers.SerializerMethodField(help_text="When the hours that are running end.")
    muted_count = serializers.IntegerField(help_text="Incidents that it has muted so far.")
    remarks = serializers.SerializerMethodField(help_text="ends_soon, muted_nothing")
    recurrence = RecurrenceSerializer(allow_null=True)

    class Meta:
        model = Silence
        fields: ClassVar[list[str]] = [
            "id", "reason", "owner", "owner_name", "starts_at", "ends_at", "time_zone", "recurrence", "state",
            "active_until", "muted_count", "remarks", "ended_at", "created_at",
        ]  # fmt: skip

    def get_state(self, silence: Silence) -> str:
        return silence.state_at(timezone.now())

    def get_active_until(self, silence: Silence) -> str | None:
        interval = silence.interval_at(timezone.now())
        return interval[1].isoformat() if interval else None

    def get_remarks(self, silence: Silence) -> list[str]:
        return selectors.remarks(silence, silence.muted_count, timezone.now())  # type: ignore[attr-defined]


class SilenceSerializer(SilenceReadSerializer):
    matchers = MatchersSerializer()

    class Meta(SilenceReadSerializer.Meta):
        fields: ClassVar[list[str]] = [*SilenceReadSerializer.Meta.fields, "matchers"]


class WindowSerializer(SilenceReadSerializer):
    services = serializers.SerializerMethodField()
    environments = serializers.SerializerMethodField()

    class Meta(SilenceReadSerializer.Meta):
        fields: ClassVar[list[str]] = [*SilenceReadSerializer.Meta.fields, *WINDOW_MATCHERS]

    def get_services(self, window: Silence) -> list[UUID]:
        return list(window.matching.services)

    def get_environments(self, window: Silence) -> list[str]:
        return list(window.matching.environments)


class _PreviewTimesSerializer(StrictSerializer):
    time_zone = serializers.CharField(max_length=64, required=False)
    recurrence = RecurrenceSerializer(required=False, allow_null=True)


class SilencePreviewRequestSerializer(_PreviewTimesSerializer):
    matchers = MatchersSerializer()


class WindowPreviewRequestSerializer(_PreviewTimesSerializer):
    services = serializers.ListField(child=serializers.UUIDField(), required=False)
    environments = serializers.ListField(child=serializers.CharField(), required=False)


class MatchedIncidentSerializer(serializers.ModelSerializer[Incident]):
    severity = serializers.ChoiceField(choices=SEVERITIES)
    service_name = serializers.CharField(source="service.name", allow_null=True, default=None)

    class Meta:
        model = Incident
        fields: ClassVar[list[str]] = ["id", "reference", "title", "severity", "status", "service_name", "opened_at"]


class MatchedAlertSerializer(serializers.ModelSerializer[Alert]):
    severity = serializers.ChoiceField(choices=SEVERITIES)
    service_name = serializers.CharField(source="service.name", allow_null=True, default=None)

    class Meta:
        model = Alert
        fields: ClassVar[list[str]] = ["id", "title", "severity", "status", "service_name", "first_received_at"]


class MatchedIncidentsSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    examples = MatchedIncidentSerializer(many=True)


class MatchedAlertsSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    examples = MatchedAlertSerializer(many=True)


class PreviewSerializer(serializers.Serializer[Any]):
    """Detections are the incidents among them that rules opened. ``open_now``: they would be muted."""

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    open_now = serializers.IntegerField()
    incidents = MatchedIncidentsSerializer()
    detections = MatchedIncidentsSerializer()
    alerts = MatchedAlertsSerializer()
    is_cut = serializers.BooleanField(help_text="More than 5,000 incidents or alerts: only the newest were looked at.")


def shown_preview(found: Preview) -> dict[str, Any]:
    """What ``PreviewSerializer`` shows."""
    return {
        "start": found.start,
        "end": found.end,
        "open_now": found.open_now,
        "incidents": {"count": len(found.incidents), "examples": found.incidents[:EXAMPLES]},
        "detections": {"count": len(found.detections), "examples": found.detections[:EXAMPLES]},
        "alerts": {"count": len(found.alerts), "examples": found.alerts[:EXAMPLES]},
        "is_cut": found.is_cut,
    }
