"""Publishing: every seal also stands where whoever owns the database cannot reach it.

As a structured log line, in an append-only file, and, where one is set, at a webhook. Each place gets every seal, in
order and at least once: what a place has is remembered only after it has it.
"""

from __future__ import annotations

import json
import logging
import os
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from audit.models import AuditPublication
from audit.seal_document import SealDocument
from incident_center.kernel.scope import no_scope

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 500
WEBHOOK_SECONDS = 10
Lines = list[dict[str, Any]]
COLUMNS = (
    "id",
    "organization_id",
    "number",
    "epoch",
    "from_transaction",
    "until_transaction",
    "entries",
    "total",
    "root",
    "history",
    "previous",
    "guard",
    "sealed_at",
    "hash",
)


def publish_seals(*, is_waited_for: bool = False) -> None:
    """Brings every place up to date. One that cannot be reached is logged, and gets the seals the next time.

    Args:
        is_waited_for: somebody waits, who shall not wait for a webhook; it gets the seals within a minute.
    """
    for destination, send in _destinations().items():
        if is_waited_for and send is _to_webhook:
            continue
        try:
            _publish(destination, send)
        except OSError as error:
            logger.error("audit seals could not be published to the %s: %s", destination, error)


def _destinations() -> dict[str, Callable[[Lines], None]]:
    places: dict[str, Callable[[Lines], None]] = {"log": _to_log, "file": _to_file}
    if settings.AUDIT_SEALS_WEBHOOK:
        places["webhook"] = _to_webhook
    return places


def _publish(destination: str, send: Callable[[Lines], None]) -> None:
    with no_scope():
        AuditPublication.objects.get_or_create(destination=destination)
        while True:
            # Locked, so that lines stand in order and two processes do not say the same.
            with transaction.atomic():
                place = AuditPublication.objects.select_for_update().get(destination=destination)
                seals = _seals_after(place.seal_id)
                if seals:
                    send([line for _, line in seals])
                    place.seal_id = seals[-1][0]
                    place.save(update_fields=["seal_id", "published_at"])
            if len(seals) < MOST_AT_ONCE:
                return


def _seals_after(seal_id: int) -> list[tuple[int, dict[str, Any]]]:
    with connection.cursor() as cursor:
        columns = ", ".join(COLUMNS)
        cursor.execute(f"SELECT {columns} FROM audit_seals_after(%s, %s)", [seal_id, MOST_AT_ONCE])  # noqa: S608
        return [(row[0], _line(row)) for row in cursor.fetchall()]


def _line(row: tuple[Any, ...]) -> dict[str, Any]:
    facts = dict(zip(COLUMNS, row, strict=True))
    seal_hash = bytes(facts.pop("hash"))
    del facts["id"]
    digests = {name: bytes(facts[name]) for name in ("root", "history", "previous", "guard")}
    document = SealDocument(**{**facts, **digests})
    return {**document.as_dict(), "hash": seal_hash.hex()}


def _to_log(lines: Lines) -> None:
    for line in lines:
        logger.info("audit seal", extra={"fields": {"seal": line}})


def _to_file(lines: Lines) -> None:
    path: Path = settings.AUDIT_SEALS_FILE
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
    with os.fdopen(descriptor, "a", encoding="ascii") as file:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":  # A crash tore the last line.
            file.write("\n")
        file.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())


def _to_webhook(lines: Lines) -> None:
    """The operator's own address, so no guard stands before it. Any answer but 2xx is an ``OSError``."""
    body = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode()
    request = urllib.request.Request(  # noqa: S310  The operator names the address.
        settings.AUDIT_SEALS_WEBHOOK, data=body, headers={"Content-Type": "application/jsonl"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=WEBHOOK_SECONDS):  # noqa: S310
        pass


# ---- Reading what was published -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PublishedSeal:
    """A line of the file: that a seal with this number had this hash."""

    number: int
    hash: bytes
    sealed_at: datetime


def published_seals(path: Path, organization_id: int | None) -> Iterator[PublishedSeal]:
    """An organization's seals in the order in which they were published.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open(encoding="utf-8") as lines:
        for text in lines:
            try:
                line = json.loads(text)
                if line["organization_id"] != organization_id:
                    continue
                at = datetime.fromisoformat(line["sealed_at"].replace("Z", "+00:00"))
                yield PublishedSeal(int(line["number"]), bytes.fromhex(line["hash"]), at)
            except (ValueError, KeyError, TypeError):
                continue  # Torn by a crash in the middle of writing it; the same seals were written again.
