from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.urls import reverse

from incident_center.kernel.scope import require_organization_id
from incidents.coverage.registry import CheckResult, Gravity, run_checks
from incidents.events import LetterWritten, PeopleTold, letter_written, people_told
from incidents.models import CoverageDigest
from incidents.schedules.wall_clock import on_the_clock
from organizations.access import Action, Grant, Role, allows
from organizations.models import Membership, Organization

#: On the clock of the organization's time zone: early enough to mend it before the evening.
AT = time(8)
#: Of each check, in an e-mail: the page has them all.
NAMED_IN_LETTER = 5
BECAUSE = "you are an owner or a team lead, who can mend it"
_CONFIGURERS = tuple(role for role in Role if allows(role, Action.CONFIGURE) is Grant.YES)


def coverage_digest_plan(*, now: datetime) -> CoverageDigest:
    """Gives the organization of the open scope its first digest, at the next AT."""
    return CoverageDigest.objects.create(next_at=_next(now))


def coverage_digest_send(*, now: datetime) -> bool:
    """Tells owners and team leads by inbox and e-mail what nobody covers, where there is anything; plans the next one.

    Of several workers one does it; False where it was not due any more.
    """
    with transaction.atomic():
        digest = CoverageDigest.objects.select_for_update(skip_locked=True).filter(next_at__lte=now).first()
        if digest is None:
            return False
        failed = [result for result in run_checks(now) if result.findings]
        if failed:
            people = Membership.objects.filter(is_active=True, role__in=_CONFIGURERS).order_by("pk")
            user_ids = tuple(people.values_list("user_id", flat=True))
            title, page = _title(failed), reverse("schedules:coverage")
            people_told.emit(PeopleTold(user_ids, title, _body(failed), page))
            letter_written.emit(
                LetterWritten(user_ids, title, _letter(failed), page, "Open the coverage check", BECAUSE)
            )
        digest.next_at = _next(now)
        digest.save(update_fields=["next_at"])
    return True


def _next(now: datetime) -> datetime:
    name = Organization.objects.values_list("timezone", flat=True).get(pk=require_organization_id())
    zone = ZoneInfo(name)
    today = now.astimezone(zone).date()
    days = (today + timedelta(days=number) for number in range(3))
    return next(at for day in days if (at := on_the_clock(datetime.combine(day, AT), zone)) > now)


def _title(failed: list[CheckResult]) -> str:
    count = sum(len(result.findings) for result in failed)
    grave = sum(finding.gravity is Gravity.DANGER for result in failed for finding in result.findings)
    things = "1 thing is" if count == 1 else f"{count} things are"
    return f"{things} not covered{f', {grave} of them urgent' if grave else ''}"


def _body(failed: list[CheckResult]) -> str:
    return "; ".join(f"{result.check.label}: {len(result.findings)}" for result in failed)


def _letter(failed: list[CheckResult]) -> str:
    """What is not covered, by name; of each check the urgent first."""
    parts = []
    for result in failed:
        lines = [f"- {finding.name} {finding.message}" for finding in result.findings[:NAMED_IN_LETTER]]
        more = len(result.findings) - NAMED_IN_LETTER
        parts.append("\n".join([f"{result.check.label}:", *lines, *([f"- and {more} more"] if more > 0 else [])]))
    return "\n\n".join(parts)
