"""Replaying a dead letter: its content, as it was or corrected, goes through the same door as any log or alert."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from incident_center.kernel.api.problems import (
    Conflict,
    InvalidInput,
    NotFound,
    Problem,
    TooLarge,
    Unavailable,
)
from incident_center.kernel.scope import Actor, require_organization_id
from ingestion.gateway import service_resolver
from ingestion.levels import Level
from ingestion.limits import BODY_BYTES
from ingestion.logstore import log_store
from ingestion.logstore.port import LogStoreBusyError, LogStoreUnavailableError, WriteBatch, WriteOutcome
from ingestion.models import DeadLetter
from ingestion.parsers.encoding import UnpackError, unpack
from ingestion.parsers.log_entries import EmptyBatchError, ParsedLogs, UnreadableBodyError, parse_logs
from ingestion.replays import Replay, replayer_of
from ingestion.wake_up import wake_up_calls
from organizations.models import Organization


def replay_dead_letter(*, dead_letter_id: UUID, actor: Actor, corrected: bytes | None = None) -> Replay:
    """Stores what the letter holds, or ``corrected`` in its place, and marks it replayed. All of it, or nothing.

    Raises:
        NotFound: no such letter.
        Conflict: it was replayed already, or only its beginning was kept and no corrected body came.
        InvalidInput: it is still not storable; ``errors`` says why, entry by entry.
        Unavailable: the database is away; nothing was stored.
    """
    with transaction.atomic():
        letter = DeadLetter.objects.select_for_update(of=("self",)).filter(pk=dead_letter_id).first()
        if letter is None:
            raise NotFound()
        if letter.replayed_at is not None:
            raise Conflict("This dead letter was replayed already.")
        try:
            content = _content(letter, corrected)
        except UnpackError as error:
            raise InvalidInput("", f"Still not readable: {error}.") from error
        replayer = replayer_of(letter.kind)
        replay = _replay_logs(letter, content, actor) if replayer is None else replayer(letter, content)
        letter.replayed_at = timezone.now()
        letter.save(update_fields=["replayed_at"])
    return replay


def _replay_logs(letter: DeadLetter, content: bytes, actor: Actor) -> Replay:
    organization = Organization.objects.get(pk=require_organization_id())
    now = datetime.now(UTC)
    parsed = _parse(letter, content, actor, timedelta(days=organization.log_retention_days), now)
    outcome = _store(organization, parsed, now)
    for service_id in {row[0] for row in parsed.rows}:
        levels = [row[3] for row in parsed.rows if row[0] == service_id]
        wake_up_calls.stored(organization.pk, service_id, Level(max(levels)), len(levels))
    return Replay(outcome.stored, outcome.duplicates, _said(outcome))


def _said(outcome: WriteOutcome) -> str:
    known = f"; {outcome.duplicates} were among them already" if outcome.duplicates else ""
    if outcome.stored == 1:
        return f"Replayed: it is among the logs now{known}."
    return f"Replayed: {outcome.stored} entries are among the logs now{known}."


def _parse(letter: DeadLetter, content: bytes, actor: Actor, retention: timedelta, now: datetime) -> ParsedLogs:
    try:
        parsed = parse_logs(
            content,
            service_id=letter.service_id,
            retention=retention,
            now=now,
            resolve_service=service_resolver(actor) if letter.service_id is None else None,
        )
    except (UnreadableBodyError, EmptyBatchError) as error:
        raise InvalidInput("", f"Still not readable: {error}.") from error
    if parsed.faults:
        errors = [{"field": f"logs[{fault.index}]", "message": fault.reason} for fault in parsed.faults]
        raise _StillFaulty("Still not storable; nothing was stored. Send a corrected body.", errors=errors)
    return parsed


class _StillFaulty(Problem):
    status = 400


def _content(letter: DeadLetter, corrected: bytes | None) -> bytes:
    if corrected is not None:
        if len(corrected) > BODY_BYTES:
            raise TooLarge(f"The body is larger than {BODY_BYTES} bytes.")
        return corrected
    if not letter.is_complete:
        raise Conflict("Only the beginning of this body was kept; send a corrected body to replay it.")
    return unpack(bytes(letter.content), letter.content_encoding, limit=BODY_BYTES)


def _store(organization: Organization, parsed: ParsedLogs, now: datetime) -> WriteOutcome:
    try:
        return log_store().write(WriteBatch(organization.pk, organization.log_retention_days, now, parsed.rows))
    except LogStoreBusyError as error:
        raise Unavailable("Too much waits already. Nothing was stored.", retry_after=1) from error
    except LogStoreUnavailableError as error:
        raise Unavailable("The database is away. Nothing was stored.") from error
