"""Telling the people whom a step found: responders of the incident from then on, and each decision on the ledger."""

from __future__ import annotations

from incident_center.kernel.scope import Actor
from incidents.escalation.targets import Findings
from incidents.events import RespondersPaged, Urgency, responders_paged
from incidents.ledger import Ruling, record
from incidents.models import Escalation, Incident, Responder, Stage, TimelineEvent


def event_recipients(findings: Findings) -> dict[str, list[object]]:
    """Whom the timeline event names: people by id, channels also by the name that they have now."""
    return {
        "people": [str(user_id) for user_id in findings.people],
        "channels": [{"id": str(each), "name": findings.names[each]} for each in findings.channels],
    }


def tell_responders(
    incident: Incident, event: TimelineEvent, actor: Actor, findings: Findings, urgency: Urgency
) -> None:
    """Makes them responders, and hands them to whoever sends messages; part of the transaction of the event."""
    Responder.objects.bulk_create(
        [
            Responder(incident=incident, user_id=user_id, added_at=event.at, added_by=str(actor))
            for user_id in findings.people
        ],
        ignore_conflicts=True,
    )
    responders_paged.emit(
        RespondersPaged(
            incident=incident,
            event=event,
            actor=actor,
            user_ids=findings.people,
            channel_ids=findings.channels,
            urgency=urgency,
        )
    )


def record_findings(incident: Incident, escalation: Escalation | None, findings: Findings, *, what: str) -> None:
    """One decision for each target and each person who is left out. ``what`` begins the sentence: “Step 2 of …”."""
    data = {"escalation": str(escalation.pk)} if escalation else {}
    rulings: list[Ruling] = []
    for finding in findings.targets:
        if finding.reason:
            told, reason = "not_told", f"{what}: {finding.name} {finding.reason}."
        else:
            told, reason = "told", f"{what}: tells {_told(finding.name, [findings.names[p] for p in finding.people])}."
        rulings.append(Ruling(Stage.ESCALATION, told, reason, finding.subject, finding.name, data))
        if finding.kind != "user":
            rulings += [
                Ruling(
                    Stage.ESCALATION,
                    "not_told",
                    f"{what}: {each['name']} {each['reason']}.",
                    f"user:{each['id']}",
                    each["name"],
                    data,
                )
                for each in finding.skipped
            ]
    if not findings.has_somebody:
        rulings.append(Ruling(Stage.ESCALATION, "nobody_reachable", f"{what}: nobody can be reached.", data=data))
    record(rulings, incident=incident)


def _told(name: str, people: list[str]) -> str:
    listed = ", ".join(people)
    return name if listed in ("", name) else f"{name} ({listed})"
