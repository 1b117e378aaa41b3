"""Choosing the columns of the log page, for oneself."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from incident_center.kernel.api.problems import InvalidInput
from incident_center.kernel.scope import Actor
from ingestion.models import LogColumns

MOST_COLUMNS = 4
LONGEST_KEY = 100


def log_columns_choose(*, actor: Actor, membership_id: UUID, columns: Sequence[str]) -> list[str]:
    """Keeps the metadata keys to show, each once, in order; nested ones with dots.

    Raises:
        InvalidInput: too many, or too long a key.
    """
    chosen = list(dict.fromkeys(key for column in columns if (key := column.strip())))
    if len(chosen) > MOST_COLUMNS:
        raise InvalidInput("columns", f"At most {MOST_COLUMNS} columns.")
    if any(len(key) > LONGEST_KEY or "\0" in key for key in chosen):
        raise InvalidInput("columns", f"A key has at most {LONGEST_KEY} characters.")
    LogColumns.objects.update_or_create(membership_id=membership_id, defaults={"columns": chosen})
    return chosen
