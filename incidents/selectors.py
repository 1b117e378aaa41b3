"""Every read of incidents that is more than a ``get``; in the organization of the open scope."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, Max, Q, QuerySet

from incident_center.kernel.api.problems import NotFound
from incidents.escalation.selectors import is_responder
from incidents.lifecycle import Status
from incidents.models import (
    Decision,
    Follower,
    Incident,
    IncidentLink,
    IncidentLog,
    IncidentTask,
    Postmortem,
    SavedView,
    TimelineEvent,
)
from organizations.access import Action, Grant
from organizations.members import Member

#: Of one problem, newest first; older merges were decided long ago.
MOST_MERGES_FOLLOWED = 20
REFERENCE = re.compile(r"(?:INC-)?([1-9][0-9]{0,8})", re.IGNORECASE)

# ---- What a member may see ---------------------------------------------------------------------------------


def visible_incidents(member: Member) -> QuerySet[Incident]:
    """All incidents of the organization; for a reporter, those that they opened."""
    incidents = Incident.objects.select_related(
        "service", "service__team", "assignee", "acknowledged_by", "opened_by", "merged_into"
    ).prefetch_related("sla_clocks")
    if member.may(Action.READ_INCIDENTS) is Grant.OWN:
        incidents = incidents.filter(opened_by=member.user)
    return incidents


def listed_incidents(member: Member) -> QuerySet[Incident]:
    """What lists show: neither what was withdrawn nor what lives on in another incident."""
    return visible_incidents(member).filter(withdrawn_at=None, merged_into=None)


def incident_by_reference(member: Member, reference: str) -> Incident:
    """The incident with this id, or this number (``INC-42``, or just 42).

    Raises:
        NotFound: there is none that the member may see.
    """
    if match := REFERENCE.fullmatch(reference):
        wanted = Q(number=int(match[1]))
    else:
        try:
            wanted = Q(pk=UUID(reference))
        except ValueError:
            raise NotFound() from None
    incident = visible_incidents(member).filter(wanted).first()
    if incident is None:
        raise NotFound()
    return incident


def is_own(member: Member, incident: Incident) -> bool:
    """Whether the incident is the member's own: assignee, acknowledger, or called to it by an escalation."""
    has_it = member.user.pk in (incident.assignee_id, incident.acknowledged_by_id)
    return has_it or is_responder(member.user.pk, incident)


def may_direct(member: Member, incident: Incident) -> bool:
    """Whether the member may assign this incident to others, change its severity and priority, and merge
    it.
    """
    grant = member.may(Action.DIRECT_INCIDENTS)
    return grant is Grant.YES or (grant is Grant.OWN and is_own(member, incident))


# ---- One problem, one incident -----------------------------------------------------------------------------


@dataclass(frozen=True)
class ProblemState:
    """Where a problem (a dedup key) stands."""

    holder: Incident | None
    """The live incident that new occurrences belong to; a merged incident's problem follows its target."""
    carrier: Incident | None
    """The incident that has the key: the holder itself, or the one that was merged into it."""
    closed_at: datetime | None
    """When the problem was last declared over; only what happened after counts."""


def problem_state(dedup_key: str) -> ProblemState:
    """Reads the incidents with the key. Nothing is locked: lock the holder and look whether it is still
    live.
    """
    carriers = Incident.objects.filter(dedup_key=dedup_key)
    holder = carrier = live_carriers(dedup_key).first()
    ended = carriers.filter(merged_into=None).aggregate(resolved=Max("resolved_at"), withdrawn=Max("withdrawn_at"))
    closed = [ended["resolved"], ended["withdrawn"]]
    for merged in carriers.exclude(merged_into=None).order_by("-merged_at")[:MOST_MERGES_FOLLOWED]:
        root = merge_root(merged)
        if root.is_live:
            if holder is None:
                holder, carrier = root, merged
        else:
            closed += [root.resolved_at, root.withdrawn_at]
    return ProblemState(holder, carrier, max((moment for moment in closed if moment is not None), default=None))


def live_carriers(dedup_key: str) -> QuerySet[Incident]:
    """The live incident that has the key itself: at most one."""
    carriers = Incident.objects.filter(dedup_key=dedup_key, withdrawn_at=None, merged_into=None)
    return carriers.exclude(status=Status.RESOLVED)


def heir_of_problem(dedup_key: str) -> Incident | None:
    """The live incident into which one with the key was merged last."""
    merged = Incident.objects.filter(dedup_key=dedup_key).exclude(merged_into=None).order_by("-merged_at")
    roots = map(merge_root, merged[:MOST_MERGES_FOLLOWED])
    return next((root for root in roots if root.is_live), None)


def merge_root(incident: Incident) -> Incident:
    """The incident in which this one lives on: itself, unless it was merged."""
    while incident.merged_into_id is not None:
        incident = Incident.objects.get(pk=incident.merged_into_id)
    return incident


def family(incident: Incident) -> list[UUID]:
    """The ids of the incident and of all that live on in it."""
    found = level = [incident.pk]
    while level:
        level = list(Incident.objects.filter(merged_into__in=level).values_list("pk", flat=True))
        found = found + level
    return found


# ---- Parts of an incident ----------------------------------------------------------------------------------


def timeline(incident: Incident) -> QuerySet[TimelineEvent]:
    """Oldest first."""
    return TimelineEvent.objects.filter(incident=incident).order_by("sequence")


def linked_logs(incident: Incident) -> QuerySet[IncidentLog]:
    """The sample of logs, newest first."""
    return IncidentLog.objects.filter(incident=incident).select_related("service").order_by("-timestamp", "-id")


def open_incident_count(member: Member) -> int:
    """How many wait for someone, counted up to 1,000."""
    return listed_incidents(member).exclude(status=Status.RESOLVED).order_by()[:1_000].count()


def merged_incidents(incident: Incident) -> QuerySet[Incident]:
    """Those that live on in this one, newest first."""
    return Incident.objects.filter(merged_into=incident).order_by("-merged_at")


def followers(incident: Incident) -> QuerySet[Follower]:
    """In the order in which they began."""
    return Follower.objects.filter(incident=incident).select_related("user").order_by("since", "pk")


def tasks(incident: Incident) -> QuerySet[IncidentTask]:
    """What is left to do first, then what is done."""
    tasks = IncidentTask.objects.filter(incident=incident).select_related("assignee", "done_by")
    return tasks.order_by(F("done_at").asc(nulls_first=True), "created_at", "pk")


@dataclass(frozen=True)
class LinkedIncident:
    """A link as one of its two incidents sees it: ``words`` stand before the other's name."""

    link: IncidentLink
    other: Incident
    words: str


_INVERSE = {
    IncidentLink.Kind.RELATED: "is related to",
    IncidentLink.Kind.CAUSED_BY: "caused",
    IncidentLink.Kind.DUPLICATE: "is like",
}


def linked_incidents(member: Member, incident: Incident) -> list[LinkedIncident]:
    """The incidents that hang together with this one, as far as the member may see them; the oldest link first."""
    links = IncidentLink.objects.filter(Q(incident=incident) | Q(other=incident)).order_by("pk")
    ends = {link.pk: link.other_id if link.incident_id == incident.pk else link.incident_id for link in links}
    seen = {one.pk: one for one in visible_incidents(member).filter(pk__in=ends.values())}
    return [
        LinkedIncident(
            link=link,
            other=seen[ends[link.pk]],
            words=link.get_kind_display()
            if link.incident_id == incident.pk
            else _INVERSE[IncidentLink.Kind(link.kind)],
        )
        for link in links
        if ends[link.pk] in seen
    ]


def postmortem_of(incident: Incident) -> Postmortem | None:
    return Postmortem.objects.filter(incident=incident).select_related("updated_by", "published_by").first()


def saved_views(member: Member) -> QuerySet[SavedView]:
    """One's own and those that are shared, by name."""
    return SavedView.objects.filter(Q(owner=member.user) | Q(is_shared=True)).order_by("name", "pk")


def decisions(incident: Incident) -> QuerySet[Decision]:
    """The explain ledger of the incident, in order."""
    return Decision.objects.filter(incident=incident).order_by("id")
