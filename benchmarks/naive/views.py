"""The naive endpoint, behind the same authentication as the real one. It deduplicates nothing."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from benchmarks.naive.models import NaiveAlert, NaiveIncident, NaiveLog
from organizations.api.base import IntakeApiView


class NaiveLogSerializer(serializers.ModelSerializer[NaiveLog]):
    class Meta:
        model = NaiveLog
        fields = ("timestamp", "level", "message", "metadata")


class NaiveIngestView(IntakeApiView):
    """``POST /naive/ingest``."""

    def post(self, request: Request) -> Response:
        body: Any = request.data
        serializer: Any = NaiveLogSerializer(data=body["logs"], many=True)
        serializer.is_valid(raise_exception=True)
        logs = [NaiveLog(service_id=self.key.service_id, **fields) for fields in serializer.validated_data]
        NaiveLog.objects.bulk_create(logs)
        return Response({"received": len(logs)})


class NaiveAlertsView(IntakeApiView):
    """``POST /naive/alerts``: each alert is looked up and saved by itself. No timeline, nobody is told."""

    def post(self, request: Request) -> Response:
        body: Any = request.data
        with transaction.atomic():
            key = body["groupKey"]
            incident, _ = NaiveIncident.objects.get_or_create(key=key, defaults={"title": key})
            for alert in body["alerts"]:
                row, _ = NaiveAlert.objects.get_or_create(incident=incident, fingerprint=alert["fingerprint"])
                row.status, row.labels, row.count = alert["status"], alert["labels"], row.count + 1
                row.save()
        return Response({"accepted": len(body["alerts"])}, status=202)
