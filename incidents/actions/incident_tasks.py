from __future__ import annotations

from datetime import date
from typing import Any, TypedDict
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound
from incident_center.kernel.scope import Actor
from incidents.actions.locking import locked
from incidents.actions.people import responder
from incidents.actions.timeline import append_event
from incidents.models import EventKind, IncidentTask
from incidents.models.collaboration import LONGEST_TASK

MOST_TASKS = 100


class TaskFields(TypedDict, total=False):
    title: str
    assignee: UUID | None
    due_on: date | None
    done: bool


def task_add(*, incident_id: UUID, actor: Actor, fields: TaskFields) -> IncidentTask:
    """Adds a task to an incident, also to a resolved one: much is left to do then.

    Raises:
        NotFound: no such incident.
        InvalidInput: no title, or an assignee who cannot work on incidents.
        Conflict: the incident was withdrawn, or has 100 tasks.
    """
    with transaction.atomic():
        incident = locked(incident_id)
        if incident.withdrawn_at is not None:
            raise Conflict(f"{incident.reference} was withdrawn; nothing can be changed on it any more.")
        if IncidentTask.objects.filter(incident=incident).count() >= MOST_TASKS:
            raise Conflict(f"{incident.reference} has {MOST_TASKS} tasks; that is what a ticket system is for.")
        task = IncidentTask(incident=incident)
        _apply(task, fields, actor)
        task.save(force_insert=True)
        append_event(incident=incident, kind=EventKind.TASK_ADDED, actor=actor, data=_about(task))
    return task


def task_change(*, incident_id: UUID, task_id: UUID, actor: Actor, fields: TaskFields) -> IncidentTask:
    """Edits a task, marks it as done, or as not done after all.

    Raises:
        NotFound: no such incident or task.
        InvalidInput: as ``task_add``.
    """
    with transaction.atomic():
        incident = locked(incident_id)
        task = IncidentTask.objects.filter(pk=task_id, incident=incident).first()
        if task is None:
            raise NotFound()
        before = _about(task)
        _apply(task, fields, actor)
        if _about(task) == before:
            return task
        task.save()
        append_event(incident=incident, kind=EventKind.TASK_CHANGED, actor=actor, data=_about(task))
    return task


def _apply(task: IncidentTask, fields: TaskFields, actor: Actor) -> None:
    if "title" in fields or not task.title:
        task.title = " ".join(fields.get("title", "").split())
        if not 0 < len(task.title) <= LONGEST_TASK:
            raise InvalidInput("title", f"Say in 1 to {LONGEST_TASK} characters what is to be done.")
    if "assignee" in fields:
        task.assignee = responder(fields["assignee"]) if fields["assignee"] else None
    if "due_on" in fields:
        task.due_on = fields["due_on"]
    if "done" in fields and fields["done"] != (task.done_at is not None):
        task.done_at = timezone.now() if fields["done"] else None
        task.done_by_id = actor.user_id if fields["done"] else None


def _about(task: IncidentTask) -> dict[str, Any]:
    return {
        "task": str(task.pk),
        "title": task.title,
        "assignee": str(task.assignee_id) if task.assignee_id else None,
        "due_on": task.due_on.isoformat() if task.due_on else None,
        "done": task.done_at is not None,
    }
