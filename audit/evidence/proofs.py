"""Audit entries to hand out, each with the proof that it is under a seal, and each seal that it is in the chain."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from audit.evidence.verify import ENTRIES, PROOFS, leaf_hash
from audit.leaves import COLUMNS, Key, Line, binary_rows, pages
from audit.merkle import Paths
from audit.models import AuditSeal
from incident_center.kernel.api.problems import Conflict

File = tuple[str, bytes]


@dataclass(frozen=True)
class Recorded:
    """An object as the record names it: the table and the key that its audit trigger writes."""

    table: str
    object_id: str


def proven_entries(organization_id: int, objects: Collection[Recorded]) -> list[File]:
    """All entries about the objects, and the proofs, as the files of an archive.

    Raises:
        Conflict: the entries under a seal are not those that were sealed; nothing can be proven then.
    """
    # First: what a seal covers that is made meanwhile counts as too new.
    newest = AuditSeal.objects.defer("contents", "frontier").order_by("-number").first()
    lines = _lines(organization_id, objects)
    under: dict[int, list[Line]] = {}
    involved = {newest.number: newest} if newest else {}
    for line in lines:
        if newest and (seal := _seal_of(line, newest)):
            involved[seal.number] = seal
            under.setdefault(seal.number, []).append(line)
    proofs: dict[str, dict[str, Any]] = {}
    for number, wanted in under.items():
        proofs |= _proofs_under(organization_id, involved[number], wanted)
    entries = [proofs.get(line.id, {"seal": None}) for line in lines]
    document = {
        "newest_seal": newest.number if newest else None,
        "seals": _chained([involved[number] for number in sorted(involved)]),
        "entries": entries,
    }
    text = json.dumps(document, indent=1)
    return [(ENTRIES, b"".join(line.data + b"\n" for line in lines)), (PROOFS, text.encode())]


def _lines(organization_id: int, objects: Collection[Recorded]) -> list[Line]:
    query = (
        "SELECT pg_catalog.convert_to(pg_catalog.row_to_json(line)::text, 'UTF8')"  # noqa: S608  Nothing but constants.
        f" FROM (SELECT {COLUMNS} FROM audit_entry WHERE organization_id = %s::bigint"
        " AND (table_name, object_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))"
        " ORDER BY epoch, transaction_id, position) AS line"
    )
    tables, ids = [one.table for one in objects], [one.object_id for one in objects]
    return [Line(*row) for row in binary_rows(query, [organization_id, tables, ids])]


def _seal_of(line: Line, newest: AuditSeal) -> AuditSeal | None:
    """The seal that covers the entry; None where it is too young."""
    epoch, transaction_id = line.key
    covering = AuditSeal.objects.filter(epoch=epoch, until_transaction__gt=transaction_id, number__lte=newest.number)
    return covering.defer("contents", "frontier").order_by("until_transaction").first()


def _proofs_under(organization_id: int, seal: AuditSeal, wanted: Collection[Line]) -> dict[str, dict[str, Any]]:
    """For each wanted entry the seal under which it is, its index and path."""
    since, until = Key(seal.epoch, seal.from_transaction), Key(seal.epoch, seal.until_transaction)
    ids = {leaf_hash(line.data): line.id for line in wanted}
    leaves = [leaf_hash(data) for page in pages(organization_id, since=since, until=until) for data in page]
    paths = Paths(leaves)
    if paths.root != bytes(seal.root):
        raise Conflict(f"The entries under seal {seal.number} are not those that were sealed: verify the audit log.")
    return {
        ids[leaf]: {"seal": seal.number, "index": index, "path": [node.hex() for node in paths.of(index)]}
        for index, leaf in enumerate(leaves)
        if leaf in ids
    }


def _chained(seals: list[AuditSeal]) -> list[dict[str, Any]]:
    """The seals with their paths in the history that the newest one vouches for."""
    if not seals:
        return []
    newest = seals[-1]
    earlier = AuditSeal.objects.filter(number__lt=newest.number).order_by("number").values_list("hash", flat=True)
    history = Paths([bytes(each) for each in earlier]) if len(seals) > 1 else None
    return [
        {
            "document": seal.document.as_dict(),
            "hash": bytes(seal.hash).hex(),
            "path": [node.hex() for node in history.of(seal.number - 1)] if history and seal is not newest else [],
        }
        for seal in seals
    ]
