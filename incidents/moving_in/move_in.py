"""Makes here what an export holds, through the product's own actions, and reports on every piece of it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from incident_center.kernel.api.problems import Problem
from incident_center.kernel.scope import Actor
from incidents.actions.escalation_policies import escalation_policy_create
from incidents.actions.schedule_layers import layer_create
from incidents.actions.schedule_overrides import override_create
from incidents.actions.schedules import schedule_create
from incidents.models import EscalationPolicy, Schedule, ScheduleOverride
from incidents.moving_in.neutral import Export, ForeignLayer, ForeignPerson, ForeignPolicy, ForeignSchedule
from incidents.schedules.rotation import Rotation, Unit
from incidents.schedules.selectors import present
from organizations.access import Role
from organizations.actions.members import member_add
from organizations.models import Membership, Team

_ROTATIONS = {Unit.DAYS: Rotation.DAILY, Unit.WEEKS: Rotation.WEEKLY, Unit.HOURS: Rotation.CUSTOM}


@dataclass
class Report:
    """What was made, what was there before, and what could not be taken over."""

    made: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    not_mapped: list[str] = field(default_factory=list)


class _DryRun(Exception):
    """Ends the transaction of a dry run."""


def move_in(*, export: Export, actor: Actor, now: datetime, apply: bool) -> Report:
    """Takes over people, schedules and policies, in the open scope; all of it in one transaction.

    A dry run does the same and undoes it, so that its report is what would really happen. What has the name of
    something that is here already is left as it is here: running it twice changes nothing.
    """
    report = Report(not_mapped=list(export.notes))
    try:
        with transaction.atomic():
            move = _Move(export, actor, now, report)
            move.people()
            move.schedules()
            move.policies()
            if not apply:
                raise _DryRun
    except _DryRun:
        pass
    return report


class _Move:
    """One run: who and what here stands for which key there."""

    def __init__(self, export: Export, actor: Actor, now: datetime, report: Report) -> None:
        self._export, self._actor, self._now, self._report = export, actor, now, report
        self._people: dict[str, UUID] = {}
        self._schedules: dict[str, UUID] = {}

    # ---- People --------------------------------------------------------------------------------------------

    def people(self) -> None:
        members = Membership.objects.select_related("user")
        here = {member.user.email.lower(): member.user_id for member in members}
        for person in self._export.people:
            user_id = here.get(person.email.lower()) or self._add(person)
            if user_id is not None:
                self._people[person.key] = user_id
                if person.email.lower() in here:
                    self._report.found.append(f"{person.name} ({person.email}) is a member")

    def _add(self, person: ForeignPerson) -> UUID | None:
        """A password that nobody knows: the owner hands out a one-time link, or the person resets it."""
        try:
            with transaction.atomic():
                member = member_add(
                    actor=self._actor,
                    email=person.email,
                    name=person.name,
                    password=secrets.token_urlsafe(32),
                    role=Role.ENGINEER,
                )
        except Problem as problem:
            self._report.not_mapped.append(f"{person.name} ({person.email or 'no e-mail address'}): {problem.detail}")
            return None
        self._report.made.append(f"{person.name} ({person.email}), as engineer; hand out a password link")
        return member.user_id

    # ---- Schedules -----------------------------------------------------------------------------------------

    def schedules(self) -> None:
        here = {name.casefold(): pk for pk, name in Schedule.objects.values_list("pk", "name")}
        for schedule in self._export.schedules:
            known = here.get(" ".join(schedule.name.split()).casefold())
            if known is not None:
                self._schedules[schedule.key] = known
                self._report.found.append(f"the schedule “{schedule.name}” is here; it is left as it is")
            elif (made := self._make(schedule)) is not None:
                self._schedules[schedule.key] = here[schedule.name.casefold()] = made

    def _make(self, schedule: ForeignSchedule) -> UUID | None:
        try:
            made = schedule_create(
                actor=self._actor,
                name=schedule.name,
                description=schedule.description,
                timezone=schedule.timezone,
            )
        except Problem as problem:
            self._report.not_mapped.append(f"schedule “{schedule.name}”: {problem.detail}")
            return None
        layers = sum(self._add_layer(made, layer) for layer in schedule.layers)
        overrides = self._add_overrides(made, schedule)
        also = f" and {overrides} override(s)" if overrides else ""
        self._report.made.append(f"the schedule “{made.name}” ({made.timezone}), with {layers} layer(s){also}")
        return made.pk

    def _add_layer(self, schedule: Schedule, layer: ForeignLayer) -> bool:
        subject = f"schedule “{schedule.name}”, layer “{layer.name}”"
        known = [(key, self._people.get(key)) for key in layer.people]
        responders = present([user_id for _, user_id in known if user_id is not None])
        people = [user_id for _, user_id in known if user_id in responders and user_id is not None]
        if len(people) < len(layer.people):
            missing = len(layer.people) - len(people)
            self._report.not_mapped.append(f"{subject}: {missing} of its people are not here or may not respond")
        begin = layer.starts_at.astimezone(ZoneInfo(schedule.timezone))
        try:
            with transaction.atomic():
                layer_create(
                    schedule_id=schedule.pk,
                    actor=self._actor,
                    fields={
                        "name": layer.name,
                        "participants": people,
                        "rotation": _ROTATIONS[layer.unit],
                        "unit": layer.unit,
                        "interval": layer.interval,
                        "handover_time": begin.time().replace(second=0, microsecond=0),
                        "handover_weekday": begin.weekday() if layer.unit is Unit.WEEKS else None,
                        "starts_at": layer.starts_at,
                        "ends_at": layer.ends_at,
                        "restrictions": layer.restrictions,
                    },
                )
        except Problem as problem:
            self._report.not_mapped.append(f"{subject}: {problem.detail}")
            return False
        return True

    def _add_overrides(self, schedule: Schedule, foreign: ForeignSchedule) -> int:
        count = 0
        for override in foreign.overrides:
            user_id = self._people.get(override.person)
            try:
                if user_id is None:
                    raise Problem("the person is not here")
                with transaction.atomic():
                    override_create(
                        schedule_id=schedule.pk,
                        actor=self._actor,
                        user_id=user_id,
                        starts_at=override.starts_at,
                        ends_at=override.ends_at,
                        origin=ScheduleOverride.Origin.IMPORTED,
                    )
            except Problem as problem:
                when = f"{override.starts_at:%Y-%m-%d %H:%M}"
                self._report.not_mapped.append(f"schedule “{schedule.name}”, override of {when}: {problem.detail}")
            else:
                count += 1
        return count

    # ---- Policies ------------------------------------------------------------------------------------------

    def policies(self) -> None:
        here = {name.casefold() for name in EscalationPolicy.objects.values_list("name", flat=True)}
        self._teams = {name.casefold(): pk for pk, name in Team.objects.values_list("pk", "name")}
        for policy in self._export.policies:
            if policy.name.casefold() in here:
                self._report.found.append(f"the escalation policy “{policy.name}” is here; it is left as it is")
            else:
                self._make_policy(policy)

    def _make_policy(self, policy: ForeignPolicy) -> None:
        steps, wait = [], 0
        for number, step in enumerate(policy.steps, start=1):
            wait += step.delay_minutes
            targets = []
            for kind, key in step.targets:
                if (found := self._target(kind, key)) is not None:
                    targets.append({"type": kind, "id": str(found)})
                else:
                    self._report.not_mapped.append(
                        f"policy “{policy.name}”, step {number}: the {kind} {key} is not here"
                    )
            if targets:
                steps.append({"delay_minutes": wait, "targets": targets})
                wait = 0
        try:
            with transaction.atomic():
                escalation_policy_create(
                    actor=self._actor,
                    fields={
                        "name": policy.name,
                        "description": policy.description,
                        "steps": steps,
                        "repeat_count": policy.repeat_count,
                        "repeat_delay_minutes": policy.repeat_delay_minutes,
                    },
                )
        except Problem as problem:
            self._report.not_mapped.append(f"policy “{policy.name}”: {problem.detail}")
        else:
            self._report.made.append(f"the escalation policy “{policy.name}”, with {len(steps)} step(s)")

    def _target(self, kind: str, key: str) -> UUID | None:
        if kind == "team":
            return self._teams.get(key.casefold())
        return (self._people if kind == "user" else self._schedules).get(key)
