"""The installation's settings, read once from the environment, each with its type, default and meaning.

This is the whole list: nothing else in the code reads ``os.environ``. ``docs/operations.md`` explains them for
operators.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CHECKOUT = Path(__file__).resolve().parent.parent


class SettingError(ValueError):
    """A setting is missing or cannot be read; the message names it and what would be right."""


def _boolean(values: Mapping[str, str], name: str, default: bool) -> bool:
    text = values.get(name, "").strip().lower()
    if not text:
        return default
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    raise SettingError(f"{name}={text!r} is not a yes or no; write 1 or 0")


def _integer(values: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    text = values.get(name, "").strip()
    if not text:
        return default
    if not text.isdigit() or not least <= int(text) <= most:
        raise SettingError(f"{name}={text!r} is not a whole number from {least} to {most}")
    return int(text)


def _list(values: Mapping[str, str], name: str) -> list[str]:
    return [item.strip() for item in values.get(name, "").split(",") if item.strip()]


@dataclass(frozen=True)
class Environment:
    """Every setting of an installation."""

    # The runtime role's address; the maintenance processes get the owner's (see database_as).
    database_url: str
    # "owner" only for migrate and the maintenance worker: every other process is held by row-level security.
    database_as: Literal["runtime", "owner"]
    # True behind a pooler that hands out connections per transaction (pgbouncer's pool_mode=transaction).
    database_transaction_pooler: bool
    # The name that policies and grants are written for.
    runtime_role: str
    redis_url: str
    secret_key: str
    # Former secrets, newest first: still able to open what they encrypted and signed.
    secret_key_fallbacks: list[str]
    # Where people reach the portal; links in messages begin with it.
    base_url: str
    allowed_hosts: list[str]
    state_directory: Path
    # Whether a stranger may found an organization.
    allow_signup: bool
    # Minutes that an access token lives: 15 by default, 60 at most.
    access_token_minutes: int
    # Whether channels may call private and loopback addresses.
    egress_allow_private: bool
    # Bearer token for /metrics; without one only loopback may read it.
    metrics_token: str
    # Where every audit seal is also written, one JSON line each, and a URL that they are posted to (empty: none).
    audit_seals_file: Path
    audit_seals_webhook: str
    # smtp://user:password@host:port or smtps://…; empty: no e-mail leaves, the owner hands out one-time links.
    email_url: str
    email_from: str
    # Apprise addresses with {to} in the place of the number; empty: people have no contacts of that kind.
    sms_url: str
    voice_url: str
    # Reverse proxies in front of the web process whose X-Forwarded-For is believed.
    trusted_proxies: int
    # What one API key, and all keys of one organization together, may send on average; and for how many seconds of
    # that they may be ahead.
    key_logs_per_second: int
    organization_logs_per_second: int
    intake_burst_seconds: int
    # Of one person at one endpoint of the API.
    person_requests_per_minute: int
    # Where logs past their time are archived before they are dropped, and for how many days; 0: no archive.
    log_archive_directory: Path
    log_archive_days: int
    debug: bool

    @classmethod
    def read(cls, values: Mapping[str, str]) -> Environment:
        """Reads and checks the environment.

        Raises:
            SettingError: a setting is missing or malformed.
        """
        database_as = values.get("DATABASE_AS", "runtime")
        if database_as not in ("runtime", "owner"):
            raise SettingError(f"DATABASE_AS={database_as!r} is neither 'runtime' nor 'owner'")
        database_url = values.get("OWNER_DATABASE_URL" if database_as == "owner" else "DATABASE_URL", "")
        if not database_url:
            raise SettingError(
                "no database is named: run script/start, which brings one along, or set DATABASE_URL"
                " (and OWNER_DATABASE_URL for migrate and maintenance)"
            )
        secret_key = values.get("SECRET_KEY", "")
        if len(secret_key) < 32:
            raise SettingError("SECRET_KEY must be set to at least 32 random characters")
        base_url = values.get("BASE_URL", "http://localhost:8000").rstrip("/")
        return cls(
            database_url=database_url,
            database_as="owner" if database_as == "owner" else "runtime",
            database_transaction_pooler=_boolean(values, "DATABASE_TRANSACTION_POOLER", False),
            runtime_role=values.get("RUNTIME_ROLE", "incident_center_runtime"),
            redis_url=values.get("REDIS_URL", "redis://localhost:6379/0"),
            secret_key=secret_key,
            secret_key_fallbacks=_list(values, "SECRET_KEY_FALLBACKS"),
            base_url=base_url,
            allowed_hosts=_list(values, "ALLOWED_HOSTS"),
            state_directory=Path(values.get("STATE_DIR", str(CHECKOUT / ".state"))),
            allow_signup=_boolean(values, "ALLOW_SIGNUP", True),
            access_token_minutes=_integer(values, "ACCESS_TOKEN_MINUTES", 15, least=1, most=60),
            egress_allow_private=_boolean(values, "EGRESS_ALLOW_PRIVATE", False),
            metrics_token=values.get("METRICS_TOKEN", ""),
            audit_seals_file=Path(
                values.get("AUDIT_SEALS_FILE")
                or Path(values.get("STATE_DIR", str(CHECKOUT / ".state"))) / "audit-seals.jsonl"
            ),
            audit_seals_webhook=values.get("AUDIT_SEALS_WEBHOOK", ""),
            email_url=values.get("EMAIL_URL", ""),
            email_from=values.get("EMAIL_FROM", "Incident Center <incident-center@localhost>"),
            sms_url=values.get("SMS_URL", ""),
            voice_url=values.get("VOICE_URL", ""),
            trusted_proxies=_integer(values, "TRUSTED_PROXIES", 0, least=0, most=10),
            key_logs_per_second=_integer(values, "KEY_LOGS_PER_SECOND", 50_000, least=1, most=10**9),
            organization_logs_per_second=_integer(values, "ORGANIZATION_LOGS_PER_SECOND", 100_000, least=1, most=10**9),
            intake_burst_seconds=_integer(values, "INTAKE_BURST_SECONDS", 20, least=1, most=3600),
            person_requests_per_minute=_integer(values, "PERSON_REQUESTS_PER_MINUTE", 3_000, least=1, most=10**9),
            log_archive_directory=Path(
                values.get("LOG_ARCHIVE_DIRECTORY", "")
                or Path(values.get("STATE_DIR", str(CHECKOUT / ".state"))) / "archive"
            ),
            log_archive_days=_integer(values, "LOG_ARCHIVE_DAYS", 400, least=0, most=36_500),
            debug=_boolean(values, "DEBUG", False),
        )


def read_state_file(state_directory: Path) -> dict[str, str]:
    """The addresses and secrets that a running ``script/start`` wrote for commands run beside it; {} when none."""
    found: dict[str, str] = {}
    for name in ("secrets.env", "env"):
        path = state_directory / name
        if path.is_file():
            for line in path.read_text().splitlines():
                key, separator, value = line.partition("=")
                if separator and key.isidentifier():
                    found[key] = "".join(shlex.split(value))
    return found


def load() -> Environment:
    """The process's own environment, completed from the state folder of a running installation."""
    values = dict(os.environ)
    if "DATABASE_URL" not in values and "OWNER_DATABASE_URL" not in values:
        state_directory = Path(values.get("STATE_DIR", str(CHECKOUT / ".state")))
        values = {**read_state_file(state_directory), **values}
    return Environment.read(values)


def multiprocess_metrics_directory() -> str:
    """Where prometheus_client keeps the counters that several processes share; empty: one process, in memory."""
    return os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
