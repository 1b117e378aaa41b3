"""Verification: everything is computed anew from the rows, and the first fault has a name.

In constant memory, whatever the length of the record: entries come in pages, trees keep a hash for every 4,096 leaves,
and the history of the seals keeps one for every doubling.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from audit import guard, merkle
from audit.dates import Dates, Misdated
from audit.leaves import Key, Line, pages
from audit.models import AuditEntry, AuditSeal
from audit.publishing import PublishedSeal, published_seals
from audit.seal_document import NO_SEAL

SEALS_IN_A_PAGE = 500
BEGINNING = Key(-(2**31), -(2**63))
ID_BYTES, PART_OF_LEAF = 16, 16


class FaultKind(StrEnum):
    CHANGED = "changed"
    REMOVED = "removed"
    ADDED = "added"
    REORDERED = "reordered"
    MISDATED = "misdated"
    SEAL_CHANGED = "seal_changed"
    SEAL_REMOVED = "seal_removed"
    SEAL_REWRITTEN = "seal_rewritten"
    GUARD_CHANGED = "guard_changed"


@dataclass(frozen=True)
class Fault:
    """The first thing that does not hold. ``entry`` is the audit entry's id, where one can be named."""

    kind: FaultKind
    detail: str
    seal: int
    entry: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class GuardChange:
    """Before ``seal``, and after the one before it, the triggers that write the record were changed."""

    seal: int
    at: datetime
    reason: str


@dataclass
class Verdict:
    """What a verification found. ``entries`` and ``seals`` are those that were looked at."""

    entries: int = 0
    seals: int = 0
    #: Entries that no seal covers yet: of transactions that were running when it was last sealed.
    unsealed: int = 0
    sealed_until: datetime | None = None
    first_invalid: Fault | None = None
    #: Recorded changes of the triggers that write the record: migrations, as a rule.
    guard_changes: list[GuardChange] = field(default_factory=list)
    #: How many of the seals were also compared with those published outside the database.
    published: int = 0

    @property
    def valid(self) -> bool:
        return self.first_invalid is None


Progress = Callable[[int], None]


def verify_record(
    organization_id: int | None, *, published: Path | None = None, progress: Progress | None = None
) -> Verdict:
    """Verifies the record of an organization, or the installation's.

    Args:
        published: the file in which seals are published; by default this installation's, where it can be read.
        progress: called with the number of entries looked at, for every page of them.

    Raises:
        OSError: the file that was named cannot be read.
    """
    anchor = published or _own_file()
    verdict = Verdict()
    chain = _Chain(published_seals(anchor, organization_id) if anchor else iter(()))
    last = BEGINNING
    entries, dates = _Entries(organization_id), Dates()
    for seal in _seals(organization_id):
        verdict.first_invalid = chain.fault_of(seal)
        if verdict.first_invalid is None:
            tree = merkle.Tree()
            for lines, leaves in entries.until(Key(seal.epoch, seal.until_transaction), progress):
                tree.extend(leaves)
                dates.look_at(lines, seal.number, seal.sealed_at)
            verdict.entries += tree.size
            if tree.size != seal.entries or tree.root() != bytes(seal.root):
                verdict.first_invalid = _first_difference(organization_id, seal, since=last)
        if verdict.first_invalid is not None:
            return verdict
        verdict.published, verdict.guard_changes = chain.compared, chain.guard_changes
        verdict.seals, verdict.sealed_until = seal.number, seal.sealed_at
        last = Key(seal.epoch, seal.until_transaction)
    for lines, _ in entries.until(END, progress):
        verdict.unsealed += len(lines)
        dates.look_at(lines, chain.number, timezone.now())
    # Last, since a clock that was wrong for a day must not hide what is worse.
    verdict.first_invalid = chain.fault_of_the_end() or chain.fault_of_the_present() or _fault_of(dates.first)
    return verdict


def _own_file() -> Path | None:
    path: Path = settings.AUDIT_SEALS_FILE
    try:
        with path.open("rb"):
            return path
    except OSError:
        return None


def _seals(organization_id: int | None) -> Iterator[AuditSeal]:
    """In order, up to the one that is the last when it begins; without what only names a fault."""
    seals = AuditSeal.objects.filter(organization=organization_id).order_by("number").defer("contents", "frontier")
    newest = seals.values_list("number", flat=True).last()
    number = -(2**63)
    while newest is not None and number < newest:
        page = list(seals.filter(number__gt=number, number__lte=newest)[:SEALS_IN_A_PAGE])
        if not page:
            return
        yield from page
        number = page[-1].number


# ---- The chain ------------------------------------------------------------------------------------------------------


@dataclass
class _Chain:
    """Each seal against the one before, against all before, and against what was published."""

    published: Iterator[PublishedSeal]
    number: int = 0
    total: int = 0
    hash: bytes = NO_SEAL
    end: Key = BEGINNING
    history: merkle.Frontier = field(default_factory=merkle.Frontier)
    #: How many published seals were found to be as they are here.
    compared: int = 0
    guard: bytes = b""
    guard_changes: list[GuardChange] = field(default_factory=list)
    _next: PublishedSeal | None = None

    def fault_of(self, seal: AuditSeal) -> Fault | None:
        """The first thing about the seal itself that does not hold. None, and it is the last of the chain."""
        document, expected = seal.document, self.number + 1
        if seal.number != expected:
            return Fault(FaultKind.SEAL_REMOVED, f"Seal {expected} is missing.", expected)
        if document.hash() != bytes(seal.hash):
            return Fault(FaultKind.SEAL_CHANGED, f"Seal {expected} was changed: its hash is another.", expected)
        is_next = document.previous == self.hash and document.history == self.history.root()
        begins = self.end.transaction_id if document.epoch == self.end.epoch else 0
        if not is_next or document.total != self.total + document.entries or document.from_transaction != begins:
            return Fault(FaultKind.SEAL_CHANGED, f"Seal {expected} does not follow from the seals before it.", expected)
        for published in self._published_up_to(expected):
            if published.number != expected:
                continue
            if published.hash != bytes(seal.hash):
                return Fault(
                    FaultKind.SEAL_REWRITTEN,
                    f"Seal {expected} is not the one that was published on {published.sealed_at:%Y-%m-%d at %H:%M:%S}:"
                    " the record was written anew from here on, or earlier.",
                    expected,
                )
            self.compared += 1
        if fault := self._fault_of_guard(bytes(seal.guard), expected, seal.sealed_at):
            return fault
        self.number, self.total, self.hash = expected, document.total, bytes(seal.hash)
        self.end = Key(document.epoch, document.until_transaction)
        self.history.append(self.hash)
        return None

    def fault_of_the_end(self) -> Fault | None:
        """Seals that were published and are not there any more."""
        for published in self._published_up_to(2**63):
            if published.number > self.number:
                detail = f"Seal {published.number} was published and is not in the database: the end was cut off."
                return Fault(FaultKind.SEAL_REMOVED, detail, published.number)
        return None

    def fault_of_the_present(self) -> Fault | None:
        """The guard as it is now, asked without the functions that could have been changed with it."""
        return self._fault_of_guard(guard.fingerprint(), self.number, timezone.now()) if self.number else None

    def _fault_of_guard(self, found: bytes, number: int, at: datetime) -> Fault | None:
        before, self.guard = self.guard, found
        if found == before:
            return None
        reason = guard.reason_of(found, at)
        if reason is None:
            detail = (
                "The triggers that write the record were dropped, made anew or switched off and on before"
                f" {at:%Y-%m-%d %H:%M:%S}, and no migration did it. What was changed meanwhile may be missing."
            )
            return Fault(FaultKind.GUARD_CHANGED, detail, number)
        if before:
            self.guard_changes.append(GuardChange(number, at, reason))
        return None

    def _published_up_to(self, number: int) -> Iterator[PublishedSeal]:
        while True:
            self._next = self._next or next(self.published, None)
            if self._next is None or self._next.number > number:
                return
            current, self._next = self._next, None
            yield current


# ---- The entries ----------------------------------------------------------------------------------------------------

END = Key(2**31, 0)


class _Entries:
    """The entries in the order of sealing, read ahead by a page."""

    def __init__(self, organization_id: int | None) -> None:
        self._pages = pages(organization_id, since=BEGINNING, until=END)
        self._page: list[bytes] = []
        self._leaves: list[bytes] = []
        self._read = 0

    def until(self, end: Key, progress: Progress | None) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """All that come before ``end`` and were not taken yet, whether they belong there or not, with their leaves."""
        while self._page or self._turn(progress):
            cut = bisect_left(self._page, end, key=lambda data: Line(data).key)
            taken = self._page[:cut], self._leaves[:cut]
            del self._page[:cut], self._leaves[:cut]
            yield taken
            if self._page:
                return

    def _turn(self, progress: Progress | None) -> bool:
        self._page = next(self._pages, [])
        self._leaves = [sha256(b"\0" + data).digest() for data in self._page]
        self._read += len(self._page)
        if progress is not None and self._page:
            progress(self._read)
        return bool(self._page)


def _fault_of(misdated: Misdated | None) -> Fault | None:
    if misdated is None:
        return None
    entry = misdated.line.id
    detail = f"The entry {entry} {misdated.detail}: it was added later than it says, or the database's clock was wrong."
    return Fault(FaultKind.MISDATED, detail, misdated.seal, entry)


def _first_difference(organization_id: int | None, seal: AuditSeal, *, since: Key) -> Fault:
    """Names the entry, by the seal's list of what it covers."""
    number = seal.number
    contents = bytes(AuditSeal.objects.values_list("contents", flat=True).get(pk=seal.pk))
    step = ID_BYTES + PART_OF_LEAF
    expected = [contents[place : place + step] for place in range(0, len(contents), step)]
    place = 0
    for page in pages(organization_id, since=since, until=Key(seal.epoch, seal.until_transaction)):
        for line in map(Line, page):
            found = UUID(line.id).bytes + sha256(b"\0" + line.data).digest()[:PART_OF_LEAF]
            if place >= len(expected) or found != expected[place]:
                return _name(line, expected, place, number)
            place += 1
    if place < len(expected):
        return _removed(expected[place], number)
    detail = f"The entries under seal {number} are not those that were sealed, and its list of them was changed, too."
    return Fault(FaultKind.SEAL_CHANGED, detail, number)


def _name(line: Line, expected: list[bytes], place: int, number: int) -> Fault:
    """What became of the entry that should stand at ``place``, where ``line`` stands."""
    here = UUID(line.id).bytes
    ids = {each[:ID_BYTES] for each in expected}
    if place < len(expected) and expected[place][:ID_BYTES] == here:
        detail = f"The entry {line.id} is not as it was sealed under seal {number}."
        return Fault(FaultKind.CHANGED, detail, number, line.id)
    if here not in ids:
        detail = f"The entry {line.id} was added among those of seal {number} after they were sealed."
        return Fault(FaultKind.ADDED, detail, number, line.id)
    if place < len(expected):
        missing = UUID(bytes=expected[place][:ID_BYTES])
        if not AuditEntry.objects.filter(pk=missing).exists():
            return _removed(expected[place], number)
    detail = f"The entry {line.id} does not stand where it was sealed under seal {number}."
    return Fault(FaultKind.REORDERED, detail, number, line.id)


def _removed(expected: bytes, number: int) -> Fault:
    missing = str(UUID(bytes=expected[:ID_BYTES]))
    if AuditEntry.objects.filter(pk=missing).exists():
        detail = f"The entry {missing} does not stand where it was sealed under seal {number}."
        return Fault(FaultKind.REORDERED, detail, number, missing)
    return Fault(FaultKind.REMOVED, f"The entry {missing}, sealed under seal {number}, was removed.", number, missing)
