"""Dead letters that nobody repaired within their organization's retention: archived, then removed."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from incident_center.kernel.scope import Actor, no_scope
from ingestion.archive import files
from ingestion.archive.logs import described, organization_folder
from ingestion.models import DeadLetter
from organizations.models import Organization

logger = logging.getLogger(__name__)

KIND = "dead-letters"
ACTOR = Actor.system("retention")
#: A letter holds up to 64 KiB.
READ_AT_ONCE = 200


def retire_dead_letters(now: datetime | None = None, folder: Path | None = None) -> int:
    """Archives and removes what was last seen longer ago than its organization keeps logs; returns how many.

    Raises:
        OSError, DamagedArchiveError: as ``files.write``; the letters of that organization are still there.
    """
    now = now or datetime.now(UTC)
    retired = 0
    with no_scope(actor=ACTOR):
        for organization in Organization.objects.all():
            before = now - timedelta(days=organization.log_retention_days)
            letters = DeadLetter.objects.filter(organization=organization, last_seen_at__lt=before)
            if letters.exists():
                retired += _retire(organization, letters, now, folder or settings.LOG_ARCHIVE_DIRECTORY)
    return retired


def _retire(organization: Organization, letters: QuerySet[DeadLetter], now: datetime, folder: Path) -> int:
    """What is archived is what is removed: the rows are locked in between, and read a few at a time."""
    removed: list[UUID] = []

    def lines() -> Iterator[str]:
        found = letters.select_for_update(of=("self",)).select_related("service").order_by("pk")
        for letter in found.iterator(chunk_size=READ_AT_ONCE):
            removed.append(letter.pk)
            yield _line(letter)

    with transaction.atomic():
        if settings.LOG_ARCHIVE_DAYS:
            files.write(
                organization_folder(folder, organization),
                f"{KIND}-{now:%Y-%m-%d-%H%M%S}",
                lines(),
                kind=KIND,
                organization=described(organization),
                day=f"{now:%Y-%m-%d}",
                retention_days=organization.log_retention_days,
                archived_at=now.isoformat(),
            )
            letters = DeadLetter.objects.filter(pk__in=removed)
        retired, _ = letters.delete()
    logger.info("retired %s dead letters of %s", retired, organization.slug)
    return retired


def _line(letter: DeadLetter) -> str:
    document = {
        "id": str(letter.pk),
        "service": str(letter.service.public_id) if letter.service else None,
        "kind": letter.kind,
        "protocol": letter.protocol,
        "reason": letter.reason,
        "content_base64": base64.b64encode(bytes(letter.content)).decode(),
        "content_type": letter.content_type,
        "content_encoding": letter.content_encoding,
        "size": letter.size,
        "occurrences": letter.occurrences,
        "first_seen_at": letter.first_seen_at.isoformat(),
        "last_seen_at": letter.last_seen_at.isoformat(),
        "replayed_at": letter.replayed_at.isoformat() if letter.replayed_at else None,
    }
    return json.dumps(document, ensure_ascii=False)
