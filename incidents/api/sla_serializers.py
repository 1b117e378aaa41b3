"""The shapes of service levels. What targets, milestones and hours may say, ``incidents.sla`` knows."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from incident_center.kernel.api.documents import (
    TIME_OF_DAY,
    DocumentField,
    document,
    list_of,
    one_of,
    text,
    whole_number,
)
from incidents.actions.business_calendars import (
    MOST_EXTRA_HOLIDAYS,
    MOST_WINDOWS,
)
from incidents.actions.sla_assign import LONGEST_EVIDENCE
from incidents.api.serializers import StrictSerializer
from incidents.lifecycle import Priority
from incidents.models import SlaClock, SlaPolicy
from incidents.sla.regulatory import (
    LARGEST_AMOUNT,
    LONGEST_CITATION,
    LONGEST_MILESTONE_NAME,
    MOST_MILESTONES,
    UNITS,
)
from incidents.sla.targets import LONGEST_MINUTES, RESOLUTION, RESPONSE

_MINUTES = whole_number(1, LONGEST_MINUTES) | {"nullable": True}
TARGETS = document({priority.value: document({RESPONSE: _MINUTES, RESOLUTION: _MINUTES}) for priority in Priority})
MILESTONES = list_of(
    document(
        {
            "name": text(LONGEST_MILESTONE_NAME),
            "amount": whole_number(1, LARGEST_AMOUNT),
            "unit": one_of(UNITS),
            "after": text(LONGEST_MILESTONE_NAME),
            "citation": text(LONGEST_CITATION),
            "latest_hours_after_awareness": whole_number(1, LARGEST_AMOUNT) | {"nullable": True},
        },
        required=("name", "amount"),
    ),
    most=MOST_MILESTONES,
)
WEEK = list_of(list_of(list_of(TIME_OF_DAY, least=2, most=2), most=MOST_WINDOWS), least=7, most=7)
EXTRA_HOLIDAYS = list_of(
    document({"date": {"type": "string", "format": "date"}, "name": {"type": "string"}}, required=("date",)),
    most=MOST_EXTRA_HOLIDAYS,
)


class SlaPolicySerializer(StrictSerializer):
    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=100, required=False, help_text="Needed unless a template is named.")
    kind = serializers.ChoiceField(choices=SlaPolicy.Kind.choices, required=False)
    template = serializers.CharField(
        max_length=20, required=False, write_only=True, help_text="Begin from a reporting duty: nis2, gdpr, dora."
    )
    description = serializers.CharField(max_length=5_000, required=False, allow_blank=True)
    source = serializers.CharField(  # type: ignore[assignment]
        max_length=300, required=False, allow_blank=True, help_text="The law or the contract that it comes from."
    )
    is_default = serializers.BooleanField(required=False)
    calendar = serializers.UUIDField(
        source="calendar_id", required=False, allow_null=True, help_text="Null counts around the clock."
    )
    targets = DocumentField(
        schema=TARGETS,
        required=False,
        help_text='{"P1": {"response_minutes": 15, "resolution_minutes": 240}, …}; null is no promise.',
    )
    milestones = DocumentField(
        schema=MILESTONES,
        required=False,
        help_text="Of a regulatory policy: name, amount, unit (hours, days, months), after (awareness,"
        " classification or an earlier milestone), citation.",
    )
    pause_while = serializers.ListField(
        child=serializers.CharField(max_length=20),
        required=False,
        help_text="Statuses in which the resolution clock stands still: mitigated, investigating.",
    )
    warn_percent = serializers.IntegerField(required=False, help_text="A warning goes out at this share of a target.")
    created_at = serializers.DateTimeField(read_only=True)


class BusinessCalendarSerializer(StrictSerializer):
    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=100)
    timezone = serializers.CharField(max_length=64, help_text="Such as Europe/Berlin.")
    week = DocumentField(schema=WEEK, help_text='Seven lists, Monday first, of hours such as ["09:00", "17:00"].')
    country = serializers.CharField(
        max_length=2, required=False, allow_blank=True, help_text="Its public holidays do not count: DE, US, …"
    )
    subdivision = serializers.CharField(max_length=20, required=False, allow_blank=True)
    extra_holidays = DocumentField(
        schema=EXTRA_HOLIDAYS, required=False, help_text='[{"date": "2026-12-24", "name": "Christmas Eve"}]'
    )
    created_at = serializers.DateTimeField(read_only=True)


class ViolationSerializer(serializers.Serializer[SlaClock]):
    id = serializers.UUIDField()
    incident = serializers.UUIDField(source="incident_id")
    reference = serializers.CharField(source="incident.reference")
    title = serializers.CharField(source="incident.title")
    priority = serializers.CharField(source="incident.priority")
    service = serializers.UUIDField(source="incident.service.public_id", allow_null=True, default=None)
    service_name = serializers.CharField(source="incident.service.name", allow_null=True, default=None)
    kind = serializers.ChoiceField(choices=SlaClock.Kind.choices)
    name = serializers.CharField(source="label")
    policy = serializers.UUIDField(source="policy_id")
    policy_name = serializers.CharField(source="policy.name")
    due_at = serializers.DateTimeField()
    breached_at = serializers.DateTimeField()
    stopped_at = serializers.DateTimeField(allow_null=True, help_text="When it was fulfilled after all.")
    late_seconds = serializers.SerializerMethodField(help_text="By how much, until it was fulfilled or until now.")

    def get_late_seconds(self, clock: SlaClock) -> int:
        late = -clock.clock.remaining(clock.stopped_at or timezone.now())
        return max(0, int(late.total_seconds()))


class SlaAssignSerializer(StrictSerializer):
    policy = serializers.UUIDField(allow_null=True, help_text="A service level, null for none, or a reporting duty.")
    aware_at = serializers.DateTimeField(required=False, help_text="Of a duty; when the incident was opened if absent.")
    classified_at = serializers.DateTimeField(required=False, help_text="Of a duty that counts from it; now if absent.")


class MilestoneSerializer(StrictSerializer):
    evidence = serializers.CharField(
        max_length=LONGEST_EVIDENCE, help_text="What was sent to whom, with its reference."
    )
    at = serializers.DateTimeField(required=False, help_text="When it was sent; now if absent.")


class SlaTemplateSerializer(serializers.Serializer[Any]):
    template = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    milestones = DocumentField(schema=MILESTONES)
