"""The shapes of schedules, layers, overrides, shifts and swaps. People are written and read as user ids."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from incident_center.kernel.api.documents import TIME_OF_DAY, DocumentField, Schema, document, list_of, one_of
from incidents.api.serializers import StrictSerializer
from incidents.models import Schedule, ScheduleLayer, ScheduleOverride, ShiftSwap
from incidents.models.schedule import EARLIEST, LATEST, LONGEST_NAME, LONGEST_REASON
from incidents.schedules.restrictions import MOST_RESTRICTIONS, WEEKDAYS, read_weekday
from incidents.schedules.rotation import Rotation, Unit
from incidents.schedules.selectors import OnCall
from incidents.schedules.shifts import Shift

RESTRICTIONS_HELP = (
    'Windows outside of which nobody of the layer is on call: {"kind": "daily", "start": "20:00", "end": "08:00", '
    '"weekdays": ["monday", …]} or {"kind": "weekly", "start_weekday": "friday", "start": "18:00", '
    '"end_weekday": "monday", "end": "08:00"}; an empty list is always.'
)
_WEEKDAY = one_of(WEEKDAYS)
_WINDOW: dict[str, Schema] = {"start": TIME_OF_DAY, "end": TIME_OF_DAY}
RESTRICTIONS = list_of(
    {
        "oneOf": [
            document(
                {"kind": one_of(["daily"]), **_WINDOW, "weekdays": list_of(_WEEKDAY)}, required=("kind", "start", "end")
            ),
            document(
                {"kind": one_of(["weekly"]), **_WINDOW, "start_weekday": _WEEKDAY, "end_weekday": _WEEKDAY},
                required=("kind", "start", "end", "start_weekday", "end_weekday"),
            ),
        ]
    },
    most=MOST_RESTRICTIONS,
)


@extend_schema_field({"type": "string", "enum": list(WEEKDAYS)})
class WeekdayField(serializers.Field[int, Any, str, Any]):
    """``monday`` … ``sunday``; 0 to 6 is understood too."""

    def to_internal_value(self, data: Any) -> int:
        try:
            return read_weekday(data)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error

    def to_representation(self, value: int) -> str:
        return WEEKDAYS[value]


class LayerSerializer(StrictSerializer):
    """Needs ``names`` in its context for reading: the names of the people by their ids."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=LONGEST_NAME, required=False)
    position = serializers.IntegerField(min_value=0, required=False, help_text="0 is the first; it has priority.")
    participants = serializers.ListField(
        child=serializers.UUIDField(), help_text="User ids in the order of their turns; one may have several."
    )
    participant_names = serializers.SerializerMethodField()
    rotation = serializers.ChoiceField(choices=[each.value for each in Rotation], required=False)
    unit = serializers.ChoiceField(
        choices=[each.value for each in Unit], required=False, help_text="What interval counts; for custom rotations."
    )
    interval = serializers.IntegerField(
        min_value=1, max_value=32_767, required=False, help_text="How many days, weeks or units a turn lasts."
    )
    handover_time = serializers.TimeField(
        required=False, format="%H:%M", help_text="On the clock of the schedule's time zone; 09:00 when not given."
    )
    handover_weekday = WeekdayField(
        required=False, allow_null=True, help_text="For weeks; null is the weekday of starts_at."
    )
    starts_at = serializers.DateTimeField(
        required=False,
        help_text="From when it is in force, with the first participant's turn; now when not given.",
    )
    ends_at = serializers.DateTimeField(required=False, allow_null=True)
    restrictions = DocumentField(schema=RESTRICTIONS, required=False, help_text=RESTRICTIONS_HELP)

    def get_participant_names(self, layer: ScheduleLayer) -> list[str]:
        names = self.context.get("names", {})
        return [names.get(user_id, "") for user_id in layer.participants]


class ScheduleSerializer(StrictSerializer):
    """Needs ``names`` in its context for reading."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=LONGEST_NAME)
    description = serializers.CharField(required=False, allow_blank=True)
    timezone = serializers.CharField(
        max_length=64, required=False, help_text="The organization's when not given, such as Europe/Berlin."
    )
    layers = LayerSerializer(
        many=True, required=False, help_text="The first has priority. To change them later: …/layers."
    )
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def to_representation(self, instance: Schedule) -> dict[str, Any]:
        shown = super().to_representation(instance)
        # A related manager is no list; these were prefetched in their order.
        shown["layers"] = LayerSerializer(instance.layers.all(), many=True, context=self.context).data  # type: ignore[attr-defined]
        return shown

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        if self.instance is not None:
            del fields["layers"]
        return fields


class ScheduleUpdateSerializer(StrictSerializer):
    name = serializers.CharField(max_length=LONGEST_NAME, required=False)
    description = serializers.CharField(required=False, allow_blank=True)
    timezone = serializers.CharField(max_length=64, required=False)


class OverrideSerializer(StrictSerializer):
    id = serializers.UUIDField(read_only=True)
    user = serializers.UUIDField(source="user_id")
    user_name = serializers.CharField(source="user.name", read_only=True)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    reason = serializers.CharField(max_length=LONGEST_REASON, allow_blank=True, default="")
    origin = serializers.ChoiceField(choices=ScheduleOverride.Origin.choices, read_only=True)
    created_at = serializers.DateTimeField(read_only=True)


class TakeSerializer(StrictSerializer):
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    reason = serializers.CharField(max_length=LONGEST_REASON, allow_blank=True, default="")


class SwapSerializer(StrictSerializer):
    id = serializers.UUIDField(read_only=True)
    requester = serializers.UUIDField(source="requester_id", read_only=True)
    requester_name = serializers.CharField(source="requester.name", read_only=True)
    asked = serializers.UUIDField(
        source="asked_id", allow_null=True, default=None, help_text="Null: whoever accepts first."
    )
    asked_name = serializers.CharField(source="asked.name", read_only=True, allow_null=True, default=None)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    return_starts_at = serializers.DateTimeField(
        allow_null=True, default=None, help_text="The asked person's shift that the requester takes in return."
    )
    return_ends_at = serializers.DateTimeField(allow_null=True, default=None)
    message = serializers.CharField(max_length=LONGEST_REASON, allow_blank=True, default="")
    state = serializers.ChoiceField(choices=ShiftSwap.State.choices, read_only=True)
    decided_by = serializers.UUIDField(source="decided_by_id", read_only=True, allow_null=True)
    decided_at = serializers.DateTimeField(read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(read_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (attrs["return_starts_at"] is None) != (attrs["return_ends_at"] is None):
            raise serializers.ValidationError({"return_ends_at": "Write both ends of the shift, or neither."})
        return attrs


class SourceSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["layer", "override"])
    id = serializers.UUIDField()
    name = serializers.CharField()


class ShiftSerializer(serializers.Serializer[Any]):
    """Needs ``names`` in its context."""

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    user = serializers.UUIDField(allow_null=True, help_text="Null in a gap.")
    user_name = serializers.SerializerMethodField()
    is_gap = serializers.BooleanField()
    source = SourceSerializer(allow_null=True)  # type: ignore[assignment]
    missing = serializers.UUIDField(allow_null=True, help_text="Who would be on call, but is no responder any more.")

    def get_user_name(self, shift: Shift) -> str | None:
        names = self.context["names"]
        return names.get(shift.user) if shift.user else None


class PersonOnCallSerializer(serializers.Serializer[Any]):
    user = serializers.UUIDField()
    name = serializers.CharField()
    start = serializers.DateTimeField(help_text="When the shift began.")
    end = serializers.DateTimeField(help_text="When it ends, as far as one looks ahead.")
    source = SourceSerializer()  # type: ignore[assignment]


class OnCallSerializer(serializers.Serializer[Any]):
    schedule = serializers.UUIDField()
    schedule_name = serializers.CharField()
    at = serializers.DateTimeField()
    on_call = PersonOnCallSerializer(many=True, help_text="Empty in a gap.")
    next = ShiftSerializer(allow_null=True, help_text="What follows; null where no end is in sight.")


def on_call_answer(found: OnCall, at: datetime, names: dict[Any, str]) -> dict[str, Any]:
    """What ``OnCallSerializer`` describes."""
    shift, following = found.shift, found.following
    people = [] if shift.user is None else [{**vars(shift), "name": names.get(shift.user, "")}]
    return {
        "schedule": str(found.schedule.pk),
        "schedule_name": found.schedule.name,
        "at": serializers.DateTimeField().to_representation(at),
        "on_call": PersonOnCallSerializer(people, many=True).data,
        "next": ShiftSerializer(following, context={"names": names}).data if following else None,
    }


def within_reach(moment: datetime) -> None:
    """A validator: what is asked for reaches some months to both sides of it."""
    if not EARLIEST <= moment.year < LATEST:
        raise serializers.ValidationError(f"Write a time between the years {EARLIEST} and {LATEST}.")


class SpanSerializer(serializers.Serializer[Any]):
    """Query parameters; ``from`` is a word of the language, so both are named here by hand."""

    to = serializers.DateTimeField(required=False, validators=[within_reach])

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.DateTimeField(required=False, validators=[within_reach]), **super().get_fields()}


class MomentSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(required=False, validators=[within_reach])


class FeedSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(help_text="Shown this once; only its hash is kept.")
    url = serializers.CharField(help_text="For a calendar program to subscribe to.")
