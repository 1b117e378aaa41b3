"""The shapes of the log endpoints, for the schema and for what is rare enough to be serialized by DRF.

Logs themselves never pass through a serializer on their way in (36 µs each, against less than 4 for
everything).
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ingestion.levels import Level
from ingestion.log_ids import encode_log_id
from ingestion.logstore.port import HistogramBucket, LogRecord
from ingestion.models import DeadLetter
from ingestion.pattern_search import pattern_of
from organizations.models import Service

LEVEL_NAMES = [level.name for level in Level]


class LogInputSerializer(serializers.Serializer[Any]):
    timestamp = serializers.DateTimeField(
        required=False, help_text="RFC 3339 with an offset; the server's time if absent."
    )
    level = serializers.CharField(help_text="DEBUG, INFO, WARN, ERROR or FATAL in any case; WARNING and CRITICAL too.")
    message = serializers.CharField(help_text="At most 64 KiB.")
    metadata = serializers.DictField(required=False, help_text="At most 32 KiB and 20 levels; trace_id is indexed.")
    service = serializers.CharField(required=False, help_text="Gateway keys only: the service's name.")
    environment = serializers.CharField(required=False, help_text="Gateway keys only; production if absent.")


class LogBatchSerializer(serializers.Serializer[Any]):
    logs = LogInputSerializer(many=True, help_text="1 to 10,000 entries.")
    service = serializers.CharField(required=False, help_text="Gateway keys only: for the entries that name none.")
    environment = serializers.CharField(required=False, help_text="Gateway keys only.")


class IngestErrorSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="The entry's place in the request, from 0.")
    reason = serializers.CharField()


class IngestAnswerSerializer(serializers.Serializer[Any]):
    received = serializers.IntegerField(help_text="Entries that this call stored.")
    duplicates_skipped = serializers.IntegerField(help_text="Entries that were there already.")
    dead_lettered = serializers.IntegerField(help_text="Faulty entries, kept with their reasons.")
    errors = IngestErrorSerializer(  # type: ignore[assignment]
        many=True, required=False, help_text="The first 100 faults."
    )


class LogSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    timestamp = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    service = serializers.CharField(help_text="The service's name.")
    service_id = serializers.UUIDField()
    environment = serializers.CharField()
    level = serializers.ChoiceField(choices=LEVEL_NAMES)
    message = serializers.CharField()
    metadata = serializers.DictField()
    trace_id = serializers.CharField(allow_null=True)
    pattern = serializers.CharField(allow_null=True)


class LogPageSerializer(serializers.Serializer[Any]):
    results = LogSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class HistogramBucketSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    count = serializers.IntegerField()
    by_level = serializers.DictField(child=serializers.IntegerField())
    exact = serializers.BooleanField(help_text="False where counting took too long: there may be more.")


class DeadLetterSerializer(serializers.ModelSerializer[DeadLetter]):
    service = serializers.CharField(source="service.name", default=None, allow_null=True)
    service_id = serializers.UUIDField(source="service.public_id", default=None, allow_null=True)
    environment = serializers.CharField(source="service.environment", default=None, allow_null=True)
    content = serializers.CharField(source="text", help_text="At most the first 64 KiB; not UTF-8 shows as U+FFFD.")
    complete = serializers.BooleanField(source="is_complete", help_text="Whether content is all that was sent.")

    class Meta:
        model = DeadLetter
        fields = (
            "id",
            "kind",
            "protocol",
            "reason",
            "service",
            "service_id",
            "environment",
            "content",
            "content_type",
            "content_encoding",
            "size",
            "complete",
            "occurrences",
            "first_seen_at",
            "last_seen_at",
            "replayed_at",
        )
        read_only_fields = fields


class ReplayAnswerSerializer(serializers.Serializer[Any]):
    received = serializers.IntegerField(help_text="Logs that are stored, or alerts that were heard.")
    duplicates_skipped = serializers.IntegerField()
    incidents = serializers.ListField(
        child=serializers.UUIDField(), required=False, help_text="Of alerts: those that they belong to."
    )


def log_document(record: LogRecord, service: Service) -> dict[str, Any]:
    """A log as the API shows it. In the organization's scope."""
    return {
        "id": encode_log_id(record),
        "timestamp": record.timestamp,
        "received_at": record.received_at,
        "service": service.name,
        "service_id": service.public_id,
        "environment": service.environment,
        "level": record.level.name,
        "message": record.message,
        "metadata": record.metadata,
        "trace_id": record.trace_id,
        "pattern": pattern_of(record),
    }


def bucket_document(bucket: HistogramBucket) -> dict[str, Any]:
    return {
        "start": bucket.start,
        "count": bucket.count,
        "by_level": {level.name: count for level, count in bucket.by_level.items()},
        "exact": bucket.is_exact,
    }
