"""The shapes of API.md for incidents. References are written and read as ids; names come beside them."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from incident_center.kernel.scope import Actor
from incidents.actions.incident_note import LONGEST_NOTE
from incidents.lifecycle import Priority, Severity, Status
from incidents.models import LONGEST_LABEL, LONGEST_TITLE, EventKind, Incident, IncidentLog, SlaClock, TimelineEvent
from incidents.names import actor_name
from incidents.sla.selectors import summary
from ingestion.levels import Level
from ingestion.log_ids import encode_log_id
from ingestion.logstore.port import StoredLogId

SEVERITIES = [severity.value for severity in Severity]
PRIORITIES = [priority.value for priority in Priority]
STATUSES = [status.value for status in Status]
LONGEST_DESCRIPTION = 50_000
ELSEWHERE = {
    "status": "Change the status at …/status.",
    "merged_into": "Merge at …/merge.",
    "acknowledged_by": "Acknowledge at …/acknowledge.",
}


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not know: a misspelled one would otherwise be ignored without a word."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(str(name) for name in data.keys() - self.fields.keys())
            if unknown:
                raise serializers.ValidationError(
                    {name: ELSEWHERE.get(name, "There is no such field here.") for name in unknown}
                )
        return super().to_internal_value(data)


class CountsSerializer(serializers.Serializer[Incident]):
    logs = serializers.IntegerField(source="log_count", help_text="All logs that belong to it; a sample is linked.")
    events = serializers.IntegerField(source="event_count")
    notes = serializers.IntegerField(source="note_count")
    occurrences = serializers.IntegerField(source="occurrence_count")


class SlaClockSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=SlaClock.Kind.choices)
    name = serializers.CharField()
    policy = serializers.UUIDField()
    state = serializers.ChoiceField(choices=SlaClock.State.values)
    outcome = serializers.ChoiceField(choices=SlaClock.Outcome.values, allow_null=True)
    target_seconds = serializers.IntegerField(help_text="Of counted time: business hours where the policy has some.")
    remaining_seconds = serializers.IntegerField(help_text="Of counted time; negative when overdue.")
    started_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(allow_null=True, help_text="Null while it is paused.")
    warned_at = serializers.DateTimeField(allow_null=True)
    breached_at = serializers.DateTimeField(allow_null=True)
    stopped_at = serializers.DateTimeField(allow_null=True)
    citation = serializers.CharField()
    evidence = serializers.CharField()


class SlaSummarySerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=["running", "paused", "due_soon", "breached", "met", "cancelled"])
    next_due_at = serializers.DateTimeField(allow_null=True)
    response = SlaClockSerializer(allow_null=True)
    resolution = SlaClockSerializer(allow_null=True)
    milestones = SlaClockSerializer(many=True)


class IncidentSerializer(serializers.Serializer[Incident]):
    id = serializers.UUIDField()
    number = serializers.IntegerField()
    reference = serializers.CharField(help_text="What people call it: INC-42.")
    title = serializers.CharField()
    description = serializers.CharField(help_text="Markdown.")
    status = serializers.ChoiceField(choices=STATUSES)
    allowed_statuses = serializers.ListField(child=serializers.CharField(), help_text="The legal next steps.")
    severity = serializers.ChoiceField(choices=SEVERITIES)
    priority = serializers.ChoiceField(choices=PRIORITIES)
    service = serializers.UUIDField(source="service.public_id", allow_null=True, default=None)
    service_name = serializers.CharField(source="service.name", allow_null=True, default=None)
    environment = serializers.CharField(source="service.environment", allow_null=True, default=None)
    labels = serializers.ListField(child=serializers.CharField())
    source = serializers.ChoiceField(choices=["manual", "rule", "alert"])  # type: ignore[assignment]
    source_id = serializers.UUIDField(allow_null=True, help_text="The rule that opened it.")
    dedup_key = serializers.CharField(allow_null=True)
    opened_by = serializers.UUIDField(source="opened_by_id", allow_null=True)
    assignee = serializers.UUIDField(source="assignee_id", allow_null=True)
    assignee_name = serializers.CharField(source="assignee.name", allow_null=True, default=None)
    opened_at = serializers.DateTimeField()
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    acknowledged_by = serializers.UUIDField(source="acknowledged_by_id", allow_null=True)
    acknowledged_by_name = serializers.CharField(source="acknowledged_by.name", allow_null=True, default=None)
    mitigated_at = serializers.DateTimeField(allow_null=True)
    resolved_at = serializers.DateTimeField(allow_null=True)
    withdrawn_at = serializers.DateTimeField(allow_null=True)
    withdrawn_reason = serializers.CharField()
    merged_into = serializers.UUIDField(source="merged_into_id", allow_null=True)
    muted_until = serializers.DateTimeField(allow_null=True, help_text="A silence mutes it: nobody is paged.")
    first_occurrence_at = serializers.DateTimeField()
    last_occurrence_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    version = serializers.IntegerField(help_text="Send it with PATCH, so that nobody's edit is overwritten unseen.")
    sla = serializers.SerializerMethodField(help_text="The clocks; null while no SLA policy applies.")
    analysis = serializers.SerializerMethodField(help_text="Null while there is none.")
    counts = CountsSerializer(source="*")

    @extend_schema_field(SlaSummarySerializer(allow_null=True))
    def get_sla(self, incident: Incident) -> dict[str, Any] | None:
        found = summary(list(incident.sla_clocks.all()), timezone.now())
        return None if found is None else dict(SlaSummarySerializer(found).data)

    def get_analysis(self, incident: Incident) -> dict[str, Any] | None:
        return None


class IncidentCreateSerializer(StrictSerializer):
    title = serializers.CharField(max_length=LONGEST_TITLE)
    severity = serializers.ChoiceField(choices=SEVERITIES)
    description = serializers.CharField(max_length=LONGEST_DESCRIPTION, allow_blank=True, default="")
    service = serializers.UUIDField(allow_null=True, default=None)
    priority = serializers.ChoiceField(
        choices=PRIORITIES, allow_null=True, default=None, help_text="By severity when not given: critical is P1."
    )
    assignee = serializers.UUIDField(allow_null=True, default=None)


class IncidentUpdateSerializer(StrictSerializer):
    title = serializers.CharField(max_length=LONGEST_TITLE, required=False)
    description = serializers.CharField(max_length=LONGEST_DESCRIPTION, allow_blank=True, required=False)
    service = serializers.UUIDField(allow_null=True, required=False)
    severity = serializers.ChoiceField(choices=SEVERITIES, required=False)
    priority = serializers.ChoiceField(choices=PRIORITIES, required=False)
    assignee = serializers.UUIDField(allow_null=True, required=False)
    labels = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_LABEL), required=False, help_text="In place of those it has."
    )
    version = serializers.IntegerField(min_value=1, required=False, help_text="The version that was edited.")


class StatusSerializer(StrictSerializer):
    status = serializers.ChoiceField(choices=STATUSES)
    reason = serializers.CharField(
        max_length=2_000, allow_blank=True, default="", help_text="Needed for going back to investigating."
    )


class AssignSerializer(StrictSerializer):
    assignee = serializers.UUIDField(allow_null=True, help_text="A member's user id; null for nobody.")


class NoteSerializer(StrictSerializer):
    body = serializers.CharField(max_length=LONGEST_NOTE, help_text="Markdown.")


class MergeSerializer(StrictSerializer):
    into = serializers.CharField(max_length=50, help_text="The incident to live on in: its id, or INC-42.")


class WithdrawSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=2_000)


class ActorSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["user", "key", "system"])
    id = serializers.CharField()
    name = serializers.CharField()


class TimelineEventSerializer(serializers.Serializer[TimelineEvent]):
    """Needs ``names`` in its context: the names of the people and keys on this page of events."""

    id = serializers.UUIDField()
    sequence = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=EventKind.values)
    actor = serializers.SerializerMethodField()
    at = serializers.DateTimeField()
    data = serializers.DictField()  # type: ignore[assignment]

    def get_actor(self, event: TimelineEvent) -> dict[str, str]:
        actor = Actor.parse(event.actor)
        return {"kind": actor.kind, "id": actor.id, "name": actor_name(self.context["names"], event.actor)}


class LinkedLogSerializer(serializers.Serializer[IncidentLog]):
    id = serializers.SerializerMethodField()
    timestamp = serializers.DateTimeField()
    service = serializers.CharField(source="service.name")
    service_id = serializers.UUIDField(source="service.public_id")
    environment = serializers.CharField(source="service.environment")
    level = serializers.SerializerMethodField()
    message = serializers.CharField()
    metadata = serializers.DictField()
    trace_id = serializers.CharField(allow_null=True)

    def get_id(self, log: IncidentLog) -> str:
        return encode_log_id(StoredLogId(log.service_id, log.timestamp, log.hash, log.retention_days))

    def get_level(self, log: IncidentLog) -> str:
        return Level(log.level).name
