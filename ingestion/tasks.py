"""Partitions are there before their day begins, indexed when it is over, archived and dropped when their time is up.

Runs in the maintenance worker, as the database's owner.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from celery import shared_task
from django.db import connection

from ingestion.actions.mine_patterns import forget_pattern_minutes
from ingestion.archive.dead_letters import retire_dead_letters
from ingestion.archive.retention import retire_logs as retire_days
from ingestion.logstore.postgresql.indexing import index_finished_stretches
from organizations.models import RETENTION_CHOICES

DAYS_AHEAD = 3


@shared_task(name="ingestion.make_partitions")
def make_partitions(days_ahead: int = DAYS_AHEAD) -> int:
    """Makes the partitions of today and the days ahead for every retention class; returns how many were missing."""
    today = datetime.now(UTC).date()
    made = 0
    with connection.cursor() as cursor:
        for retention_days, _ in RETENTION_CHOICES:
            for offset in range(days_ahead + 1):
                day = today + timedelta(days=offset)
                cursor.execute("SELECT ingestion_create_partition(%s::smallint, %s::date)", [retention_days, day])
                made += bool(cursor.fetchone()[0])
    return made


@shared_task(name="ingestion.index_logs")
def index_logs() -> int:
    """Indexes the days, hours and quarters that are over by text, metadata and trace; returns how many."""
    return index_finished_stretches()


@shared_task(name="ingestion.retire_logs")
def retire_logs() -> int:
    """Archives and drops the days, and the dead letters, past their organizations' retention; returns how many days."""
    days = retire_days()
    retire_dead_letters()
    return len(days)


@shared_task(name="ingestion.forget_pattern_minutes")
def forget_old_pattern_minutes() -> int:
    """Drops the counts of patterns that are older than any log; returns how many."""
    return forget_pattern_minutes(older_than=timedelta(days=max(days for days, _ in RETENTION_CHOICES)))
