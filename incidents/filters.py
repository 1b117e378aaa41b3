"""Filtering and ordering a list of incidents: one reading of the query string for the API and the portal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Case, CharField, Q, QuerySet, Value, When
from django.db.models.functions import Cast, Concat
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from incident_center.kernel.api.problems import InvalidInput
from incidents.lifecycle import Priority, Severity, Source, Status
from incidents.models import Incident
from incidents.selectors import REFERENCE, listed_incidents, visible_incidents
from incidents.sla.selectors import with_sla_state
from ingestion.search_syntax import parse_text
from organizations.members import Member

DEFAULT_ORDERING = "-opened_at"
#: What a list can be ordered by, and the field behind it. Severity and priority order newest first within.
ORDERINGS = {
    "opened_at": "opened_at",
    "updated_at": "updated_at",
    "last_occurrence_at": "last_occurrence_at",
    "number": "number",
    "severity": "severity_key",
    "priority": "priority_key",
}
_CHOICES: dict[str, Iterable[str]] = {
    "status": Status,
    "severity": Severity,
    "priority": Priority,
    "source": Source,
}
#: Promises that are broken and still unmet; those, and the ones that soon will be.
SLA_STATES = ("breached", "due_soon")
_RANK = {Severity.LOW: "1", Severity.MEDIUM: "2", Severity.HIGH: "3", Severity.CRITICAL: "4"}


def filtered_incidents(member: Member, parameters: QueryDict) -> QuerySet[Incident]:
    """The incidents that the member asks for; withdrawn ones never, merged ones only with ``merged=true``.

    Raises:
        InvalidInput: names the parameter and what would be right.
    """
    incidents = listed_incidents(member)
    if parameters.get("merged", "") == "true":
        incidents = visible_incidents(member).filter(withdrawn_at=None).exclude(merged_into=None)
    for name, known in _CHOICES.items():
        wanted = _listed(parameters, name)
        if unknown := [value for value in wanted if value not in list(known)]:
            raise InvalidInput(name, f"{unknown[0][:40]!r} is not one of {', '.join(known)}.")
        if wanted:
            incidents = incidents.filter(**{f"{name}__in": wanted})
    if environment := parameters.get("environment", ""):
        incidents = incidents.filter(service__environment__iexact=environment)
    if service := parameters.get("service", ""):
        incidents = incidents.filter(of_service(service))
    if team := parameters.get("team", ""):
        incidents = incidents.filter(service__team_id=_uuid("team", team))
    if labels := _listed(parameters, "label"):
        incidents = incidents.filter(labels__contains=labels)
    if assignee := parameters.get("assignee", ""):
        incidents = incidents.filter(assignee_id=_assignee(member, assignee))
    return _of_time_and_promise(incidents, parameters).filter(_about(parameters.get("q", "")))


def _of_time_and_promise(incidents: QuerySet[Incident], parameters: QueryDict) -> QuerySet[Incident]:
    if since := moment_of(parameters, "from"):
        incidents = incidents.filter(opened_at__gte=since)
    if until := moment_of(parameters, "to"):
        incidents = incidents.filter(opened_at__lt=until)
    if sla := parameters.get("sla", ""):
        if sla not in SLA_STATES:
            raise InvalidInput("sla", f"Write one of {', '.join(SLA_STATES)}.")
        incidents = with_sla_state(incidents, sla, timezone.now())
    return incidents


def ordering_of(parameters: QueryDict) -> str:
    """The field to order by, with a minus sign for descending.

    Raises:
        InvalidInput: it cannot be ordered by that.
    """
    wanted = parameters.get("ordering", "") or DEFAULT_ORDERING
    descending, name = wanted.startswith("-"), wanted.removeprefix("-")
    if name not in ORDERINGS:
        raise InvalidInput("ordering", f"Order by one of {', '.join(ORDERINGS)}, with - in front to turn it round.")
    return f"{'-' if descending else ''}{ORDERINGS[name]}"


def with_sort_keys(incidents: QuerySet[Incident], ordering: str) -> QuerySet[Incident]:
    """Adds the key that ``ordering`` names where it is not a column.

    Many incidents share a severity, so their key also has the id, which is in the order of opening: a page
    can then begin after any row.
    """
    identifier = Cast("id", CharField())
    if "severity_key" in ordering:
        ranks = [When(severity=severity, then=Value(rank)) for severity, rank in _RANK.items()]
        return incidents.annotate(severity_key=Concat(Case(*ranks, output_field=CharField()), identifier))
    if "priority_key" in ordering:
        return incidents.annotate(priority_key=Concat("priority", identifier, output_field=CharField()))
    return incidents


def _listed(parameters: QueryDict, name: str) -> list[str]:
    """Repeated or with commas: ``status=open&status=mitigated``, ``status=open,mitigated``."""
    return [part for value in parameters.getlist(name) for part in value.split(",") if part]


def of_service(text: str, path: str = "service") -> Q:
    """What belongs to the service with this name or id; ``path`` leads to the service, and is empty for itself."""
    prefix = f"{path}__" if path else ""
    by_name = Q(**{f"{prefix}name__iexact": text})
    try:
        return by_name | Q(**{f"{prefix}public_id": UUID(text)})
    except ValueError:
        return by_name


def _assignee(member: Member, text: str) -> UUID | None:
    if text == "none":
        return None
    return member.user.pk if text == "me" else _uuid("assignee", text, hint="me, none or ")


def _uuid(name: str, text: str, *, hint: str = "") -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidInput(name, f"Write {hint}an id.") from error


def moment_of(parameters: QueryDict, name: str) -> datetime | None:
    """A time of the query string; InvalidInput says how it is written."""
    text = parameters.get(name, "").strip()
    if not text:
        return None
    try:
        # A + that was not escaped in the address arrives as a space.
        moment = parse_datetime(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput(name, "Write a time with its offset, such as 2026-01-31T14:00:00Z.")
    return moment


def _about(text: str) -> Q:
    """Words and “phrases” that all occur in title or description; or the incident's number."""
    if match := REFERENCE.fullmatch(text.strip()):
        return Q(number=int(match[1])) | Q(title__icontains=text.strip())
    try:
        terms = parse_text(text)
    except ValueError as error:
        raise InvalidInput("q", f"{error}.".capitalize()) from error
    condition = Q()
    for word in terms.words:
        condition &= Q(title__icontains=word) | Q(description__icontains=word)
    for word in terms.excluded:
        condition &= ~(Q(title__icontains=word) | Q(description__icontains=word))
    return condition
