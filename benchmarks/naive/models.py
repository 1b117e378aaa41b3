"""The table that most projects would start with."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class NaiveLog(models.Model):
    objects: ClassVar[models.Manager[NaiveLog]] = models.Manager()

    service_id = models.BigIntegerField()
    timestamp = models.DateTimeField(db_index=True)
    level = models.CharField(max_length=10, db_index=True)
    message = models.TextField()
    metadata = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "naive"
        db_table = "naive_log"
        indexes = [models.Index(fields=["service_id", "timestamp"], name="naive_log_service_time")]

    def __str__(self) -> str:
        return self.message


class NaiveIncident(models.Model):
    objects: ClassVar[models.Manager[NaiveIncident]] = models.Manager()

    key = models.CharField(max_length=255, unique=True)
    title = models.CharField(max_length=500)
    status = models.CharField(max_length=20, default="open")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "naive"
        db_table = "naive_incident"

    def __str__(self) -> str:
        return self.title


class NaiveAlert(models.Model):
    objects: ClassVar[models.Manager[NaiveAlert]] = models.Manager()

    incident = models.ForeignKey(NaiveIncident, on_delete=models.CASCADE)
    fingerprint = models.CharField(max_length=64, db_index=True)
    status = models.CharField(max_length=20)
    labels = models.JSONField(default=dict)
    count = models.IntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = "naive"
        db_table = "naive_alert"

    def __str__(self) -> str:
        return self.fingerprint
