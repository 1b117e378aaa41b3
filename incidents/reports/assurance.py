"""What an auditor wants to know on arriving: what has changed since the last visit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.apps import apps
from django.utils import timezone

from audit import messages, selectors
from audit.actions.access_record import SAME_LOOK, access_record
from audit.models import AccessKind, AuditAccess, AuditEntry
from incident_center.kernel.scope import Actor

SUBJECT = "the assurance page"
#: More is said to be more.
MOST_COUNTED = 10_000
MOST_SHOWN = 12
#: Looks at the record are in the record, and are not what a visitor means by a change.
_LOOKS = "audit_access"


@dataclass(frozen=True)
class Changes:
    """Since when, how many by kind of object, and the newest in words."""

    since: datetime | None
    count: int
    is_more: bool
    by_kind: list[tuple[str, str, int]]
    newest: list[tuple[datetime, str]]


def visit(actor: Actor) -> Changes:
    """Puts the visit on the record, and says what changed since the one before. Turning back soon is the same visit."""
    since = _last_visit(actor)
    access_record(actor=actor, kind=AccessKind.READ, subject=SUBJECT)
    found = selectors.entries(since=since).exclude(table_name=_LOOKS)
    tables = Counter(found.values_list("table_name", flat=True)[: MOST_COUNTED + 1])
    newest: list[AuditEntry] = list(found[:MOST_SHOWN])
    names = selectors.names_for(newest)
    return Changes(
        since=since,
        count=min(tables.total(), MOST_COUNTED),
        is_more=tables.total() > MOST_COUNTED,
        by_kind=[(table, _in_words(table), count) for table, count in tables.most_common(8)],
        newest=[(entry.at, messages.message(entry, names)) for entry in newest],
    )


def _in_words(table: str) -> str:
    """What the objects of a table are: ``report schedule``."""
    models = (model for model in apps.get_models() if model._meta.db_table == table)
    return next((str(model._meta.verbose_name) for model in models), table.replace("_", " "))


def _last_visit(actor: Actor) -> datetime | None:
    before = timezone.now() - SAME_LOOK
    visits = AuditAccess.objects.filter(actor=str(actor), subject=SUBJECT, at__lt=before).order_by("-at")
    return visits.values_list("at", flat=True).first()
