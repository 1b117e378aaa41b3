"""Where logs are kept, behind one small port.

Everything above (API, portal, detection) speaks to ``LogStore``; PostgreSQL stands behind it today, and a
columnar store can tomorrow, for installations whose logs outgrow one database.
"""

from __future__ import annotations

from functools import lru_cache

from ingestion.logstore.port import LogStore


@lru_cache(maxsize=1)
def log_store() -> LogStore:
    """The process's log store. Made on first use, never at import: web servers fork after importing."""
    from ingestion.logstore.postgresql.store import PostgreSQLLogStore

    return PostgreSQLLogStore()
