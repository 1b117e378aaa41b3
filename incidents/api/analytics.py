"""``/v1/analytics``: figures of whole days, by the definitions of ``incidents.analytics.definitions``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from incidents.analytics import selectors
from incidents.analytics.figures import Attainment, Group, SlaFigures, Summary, Trends
from incidents.analytics.parameters import choice_of
from incidents.analytics.source import Choice
from incidents.lifecycle import Severity
from organizations.access import Action
from organizations.api.base import OrganizationApiView

TAGS = ["analytics"]
PARAMETERS = [
    OpenApiParameter("from", description="A date, or a time whose day is the first; 29 days ago if absent."),
    OpenApiParameter("to", description="A date, which is included, or a time before which the last day begins."),
    OpenApiParameter("service", description="A service's id or name."),
    OpenApiParameter("team", description="A team's id: its services."),
]


class DurationsSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    mean_seconds = serializers.FloatField(allow_null=True, help_text="Exact.")
    median_seconds = serializers.FloatField(allow_null=True, help_text="Within 5 %.")
    p90_seconds = serializers.FloatField(allow_null=True, help_text="Within 5 %.")


class IncidentFiguresSerializer(serializers.Serializer[Group]):
    opened = serializers.IntegerField()
    acknowledged = serializers.IntegerField()
    resolved = serializers.IntegerField()


class MeansSerializer(IncidentFiguresSerializer):
    mtta_seconds = serializers.FloatField(allow_null=True, help_text="Mean time from opening to acknowledgement.")
    mttr_seconds = serializers.FloatField(allow_null=True, help_text="Mean time from opening to resolution.")
    resolved_without_action = serializers.IntegerField(source="without_action")


class BySeveritySerializer(MeansSerializer):
    severity = serializers.ChoiceField(choices=[each.value for each in Severity], source="name")


class ByTeamSerializer(MeansSerializer):
    team = serializers.UUIDField(source="id", allow_null=True)
    name = serializers.CharField()


class ByServiceSerializer(MeansSerializer):
    service = serializers.UUIDField(source="id", allow_null=True)
    name = serializers.CharField()
    environment = serializers.CharField()


class RuleNoiseSerializer(serializers.Serializer[Any]):
    rule = serializers.UUIDField(source="id")
    name = serializers.CharField()
    opened = serializers.IntegerField()
    resolved_without_action = serializers.IntegerField(source="without_action")


class NoiseSerializer(serializers.Serializer[Any]):
    pages = serializers.IntegerField()
    incidents_per_page = serializers.FloatField(allow_null=True)
    resolved_without_action = serializers.IntegerField(source="without_action")
    resolved_without_action_share = serializers.FloatField(source="without_action_share", allow_null=True)
    rules = RuleNoiseSerializer(many=True, help_text="Those that opened most incidents, at most 20.")


class PersonLoadSerializer(serializers.Serializer[Any]):
    user = serializers.UUIDField(source="id")
    name = serializers.CharField()
    pages = serializers.IntegerField()
    out_of_hours = serializers.IntegerField()


class PeriodSerializer(serializers.Serializer[Any]):
    """The days that were counted, both included, by the organization's clocks."""

    first_day = serializers.DateField(source="first")
    last_day = serializers.DateField(source="last")
    timezone = serializers.CharField()


class SummarySerializer(serializers.Serializer[Summary]):
    period = PeriodSerializer()
    incidents = IncidentFiguresSerializer(source="whole")
    mtta = DurationsSerializer(source="whole.time_to_acknowledge")
    mttr = DurationsSerializer(source="whole.time_to_resolve")
    by_severity = BySeveritySerializer(source="severities", many=True)
    by_service = ByServiceSerializer(source="services", many=True)
    by_team = ByTeamSerializer(source="teams", many=True)
    noise = NoiseSerializer()
    on_call = PersonLoadSerializer(source="people", many=True)


class PointSerializer(serializers.Serializer[Any]):
    day = serializers.DateField()
    opened = serializers.IntegerField(source="group.opened")
    acknowledged = serializers.IntegerField(source="group.acknowledged")
    resolved = serializers.IntegerField(source="group.resolved")
    mtta_seconds = serializers.FloatField(source="group.mtta_seconds", allow_null=True)
    mttr_seconds = serializers.FloatField(source="group.mttr_seconds", allow_null=True)
    by_severity = serializers.DictField(
        source="severities", child=serializers.IntegerField(), help_text="Opened, by severity; without those of none."
    )


class TrendsSerializer(serializers.Serializer[Trends]):
    period = PeriodSerializer()
    points = PointSerializer(many=True, help_text="Each day.")
    hour_of_week = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()),
        help_text="Incidents opened: seven lists, Monday first, of 24 hours.",
    )


class AttainmentSerializer(serializers.Serializer[Attainment]):
    met = serializers.IntegerField()
    missed = serializers.IntegerField()
    attainment = serializers.FloatField(source="share", allow_null=True, help_text="Met, of those decided: 0 to 1.")


class AttainmentByKindSerializer(AttainmentSerializer):
    kind = serializers.CharField(source="name", help_text="response, resolution or milestone.")


class AttainmentByServiceSerializer(AttainmentSerializer):
    service = serializers.UUIDField(source="id", allow_null=True)
    name = serializers.CharField()
    environment = serializers.CharField()


class AttainmentByDaySerializer(AttainmentSerializer):
    day = serializers.DateField()


class SlaFiguresSerializer(serializers.Serializer[SlaFigures]):
    period = PeriodSerializer()
    total = AttainmentSerializer(source="whole")
    by_kind = AttainmentByKindSerializer(source="kinds", many=True)
    by_service = AttainmentByServiceSerializer(source="services", many=True)
    points = AttainmentByDaySerializer(many=True, help_text="Each day.")


class AnalyticsView(OrganizationApiView, ABC):
    """Figures of a choice of incidents; subclasses say which."""

    actions = {"GET": Action.READ_REPORTS}
    serializer: ClassVar[type[serializers.Serializer[Any]]]

    def answer(self, request: Request) -> Response:
        figures = self.figures(choice_of(request.query_params, timezone.now()))
        return Response(self.serializer(figures).data)

    @abstractmethod
    def figures(self, choice: Choice) -> Any:
        """What ``serializer`` reads."""


class SummaryView(AnalyticsView):
    """MTTA and MTTR, counts by severity, service and team, noise, and whom escalations told how often."""

    serializer = SummarySerializer

    def figures(self, choice: Choice) -> Summary:
        return selectors.summary(choice)

    @extend_schema(parameters=PARAMETERS, responses=SummarySerializer, tags=TAGS)
    def get(self, request: Request) -> Response:
        return self.answer(request)


class TrendsView(AnalyticsView):
    """Each day's incidents and means, and the hours of the week at which incidents open."""

    serializer = TrendsSerializer

    def figures(self, choice: Choice) -> Trends:
        return selectors.trends(choice)

    @extend_schema(parameters=PARAMETERS, responses=TrendsSerializer, tags=TAGS)
    def get(self, request: Request) -> Response:
        return self.answer(request)


class SlaView(AnalyticsView):
    """How many targets were met, by kind, service and day."""

    serializer = SlaFiguresSerializer

    def figures(self, choice: Choice) -> SlaFigures:
        return selectors.sla_figures(choice)

    @extend_schema(parameters=PARAMETERS, responses=SlaFiguresSerializer, tags=TAGS)
    def get(self, request: Request) -> Response:
        return self.answer(request)
