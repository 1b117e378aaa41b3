"""The incident's own parts of its evidence: itself, its timeline, linked logs, decisions and clocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Model

from audit.evidence.proofs import File, Recorded
from incidents import selectors
from incidents.evidence.parts import as_json, as_json_lines, audited, evidence_part
from incidents.models import Decision, Escalation, Incident, Responder, SlaClock
from incidents.names import actor_name, names_for_events
from ingestion.levels import Level


def _columns(row: Model, *, without: Iterable[str] = ("organization_id",)) -> dict[str, Any]:
    """Every column of the row, by its name."""
    left_out = set(without)
    return {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.attname not in left_out
    }


@evidence_part(order=10)
def incident_itself(incident: Incident) -> Iterator[File]:
    people = {
        name: person.name
        for name in ("opened_by", "assignee", "acknowledged_by")
        if (person := getattr(incident, name)) is not None
    }
    service = incident.service
    document = {
        "reference": incident.reference,
        **_columns(incident),
        "people": people,
        "service": {"name": service.name, "environment": service.environment} if service else None,
    }
    yield "incident.json", as_json(document)


@evidence_part(order=20)
def timeline(incident: Incident) -> Iterator[File]:
    events = list(selectors.timeline(incident))
    names = names_for_events(events)
    documents = (
        {**_columns(event, without=("organization_id", "incident_id")), "who": actor_name(names, event.actor)}
        for event in events
    )
    yield "timeline.jsonl", as_json_lines(documents)


@evidence_part(order=30)
def linked_logs(incident: Incident) -> Iterator[File]:
    documents = (
        {
            "timestamp": log.timestamp,
            "service": log.service.name,
            "environment": log.service.environment,
            "level": Level(log.level).name,
            "message": log.message,
            "metadata": log.metadata,
            "trace_id": log.trace_id,
        }
        for log in selectors.linked_logs(incident)
    )
    yield "logs.jsonl", as_json_lines(documents)


@evidence_part(order=40)
def decisions(incident: Incident) -> Iterator[File]:
    rows = Decision.objects.filter(incident=incident).order_by("id")
    yield "decisions.jsonl", as_json_lines(_columns(row, without=("organization_id", "incident_id")) for row in rows)


@evidence_part(order=50)
def clocks(incident: Incident) -> Iterator[File]:
    rows = SlaClock.objects.filter(incident=incident).order_by("id")
    yield "clocks.jsonl", as_json_lines(_columns(row, without=("organization_id", "incident_id")) for row in rows)


@audited
def rows_of_the_incident(incident: Incident) -> Iterator[Recorded]:
    yield Recorded(Incident._meta.db_table, str(incident.number))
    for model in (Escalation, Responder, SlaClock):
        keys = model._default_manager.filter(incident=incident).values_list("pk", flat=True)
        yield from (Recorded(model._meta.db_table, str(key)) for key in keys)
