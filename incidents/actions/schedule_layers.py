"""Making, changing, moving and deleting the layers of a schedule."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any, TypedDict
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound
from incident_center.kernel.scope import Actor
from incidents.actions.schedules import lock_schedule
from incidents.models import ScheduleLayer
from incidents.models.schedule import EARLIEST, LATEST, LONGEST_NAME, MOST_LAYERS, MOST_PARTICIPANTS
from incidents.schedules.restrictions import FaultyRestriction, read_restrictions
from incidents.schedules.rotation import LONGEST_TURN, UNIT_OF_ROTATION, Rotation, Unit
from incidents.schedules.selectors import present


class LayerFields(TypedDict, total=False):
    """What a layer is made of; ``participants`` are user ids in the order of their turns."""

    name: str
    participants: list[UUID]
    rotation: str
    unit: str
    interval: int
    handover_time: time
    handover_weekday: int | None
    starts_at: datetime
    ends_at: datetime | None
    restrictions: Any


class InvalidLayer(InvalidInput):
    """Everything that is wrong with a layer at once."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__(*faults[0])
        self.members["errors"] = [{"field": name, "message": message} for name, message in faults]


def layer_create(*, schedule_id: UUID, actor: Actor, fields: LayerFields) -> ScheduleLayer:
    """Adds a layer below the others; what is not said is a weekly rotation that begins now and hands over at 09:00.

    Raises:
        NotFound: no such schedule.
        InvalidInput: names every field that is wrong.
        Conflict: the schedule has as many layers as it may have.
    """
    with transaction.atomic():
        schedule = lock_schedule(schedule_id)
        positions = list(ScheduleLayer.objects.filter(schedule=schedule).values_list("position", flat=True))
        if len(positions) >= MOST_LAYERS:
            raise Conflict(f"A schedule has at most {MOST_LAYERS} layers.")
        layer = blank_layer()
        layer.schedule = schedule
        layer.position = max(positions, default=-1) + 1
        apply_fields(layer, {"name": f"Layer {len(positions) + 1}", **fields})
        layer.save(force_insert=True)
    return layer


def layer_update(*, schedule_id: UUID, layer_id: UUID, actor: Actor, changes: LayerFields) -> ScheduleLayer:
    """Changes a layer; its past reads as the new fields say. To keep the past, end the layer and add another.

    Raises:
        NotFound: the schedule has no such layer.
        InvalidInput: names every field that is wrong.
    """
    with transaction.atomic():
        lock_schedule(schedule_id)
        layer = _of_schedule(schedule_id, layer_id)
        apply_fields(layer, changes)
        layer.save()
    return layer


def layer_move(*, schedule_id: UUID, layer_id: UUID, actor: Actor, position: int) -> None:
    """Puts a layer at a place among the others, counted from 0: the first has priority.

    Raises:
        NotFound: the schedule has no such layer.
        InvalidInput: there is no such place.
    """
    with transaction.atomic():
        lock_schedule(schedule_id)
        layers = list(ScheduleLayer.objects.filter(schedule=schedule_id).order_by("position"))
        moved = next((layer for layer in layers if layer.pk == layer_id), None)
        if moved is None:
            raise NotFound()
        if not 0 <= position < len(layers):
            raise InvalidInput("position", f"Write a place from 0 to {len(layers) - 1}.")
        layers.remove(moved)
        layers.insert(position, moved)
        for place, layer in enumerate(layers):
            if layer.position != place:
                layer.position = place
                layer.save(update_fields=["position"])


def layer_delete(*, schedule_id: UUID, layer_id: UUID, actor: Actor) -> None:
    """Raises NotFound where the schedule has no such layer."""
    with transaction.atomic():
        lock_schedule(schedule_id)
        _of_schedule(schedule_id, layer_id).delete()


def _of_schedule(schedule_id: UUID, layer_id: UUID) -> ScheduleLayer:
    layer = ScheduleLayer.objects.filter(schedule=schedule_id, pk=layer_id).first()
    if layer is None:
        raise NotFound()
    return layer


def blank_layer() -> ScheduleLayer:
    """A layer as it is before anything is said about it."""
    return ScheduleLayer(
        rotation=Rotation.WEEKLY, unit=Unit.WEEKS, handover_time=time(9), starts_at=timezone.now(), restrictions=[]
    )


def apply_fields(layer: ScheduleLayer, fields: LayerFields) -> None:
    """Writes the fields into a layer without saving it. Raises InvalidLayer."""
    faults: list[tuple[str, str]] = []
    layer.name = " ".join(fields.get("name", layer.name).split())
    if not 0 < len(layer.name) <= LONGEST_NAME:
        faults.append(("name", f"Name the layer in 1 to {LONGEST_NAME} characters."))
    if "participants" in fields or not layer.participants:
        faults += _apply_participants(layer, fields.get("participants", []))
    faults += _apply_rotation(layer, fields)
    faults += _apply_span(layer, fields)
    if "restrictions" in fields:
        try:
            layer.restrictions = read_restrictions(fields["restrictions"])
        except FaultyRestriction as fault:
            faults.append((f"restrictions{fault.field}", fault.message))
    if faults:
        raise InvalidLayer(faults)


def _apply_participants(layer: ScheduleLayer, wanted: list[UUID]) -> list[tuple[str, str]]:
    """Whoever takes part already may stay, also after losing the role: the schedule shows it as a gap."""
    known = present(wanted) | set(layer.participants)
    layer.participants = wanted
    if not 1 <= len(wanted) <= MOST_PARTICIPANTS:
        return [("participants", f"Name 1 to {MOST_PARTICIPANTS} people in the order of their turns.")]
    return [
        (f"participants[{index}]", "No active member whose role may respond to incidents has this id.")
        for index, user_id in enumerate(wanted)
        if user_id not in known
    ]


def _apply_rotation(layer: ScheduleLayer, fields: LayerFields) -> list[tuple[str, str]]:
    faults: list[tuple[str, str]] = []
    layer.rotation = fields.get("rotation", layer.rotation)
    layer.unit = fields.get("unit", layer.unit)
    if layer.rotation not in list(Rotation):
        return [("rotation", f"Write one of {', '.join(Rotation)}.")]
    layer.unit = UNIT_OF_ROTATION.get(Rotation(layer.rotation), layer.unit)
    if layer.unit not in list(Unit):
        return [("unit", f"Write one of {', '.join(Unit)}.")]
    layer.interval = fields.get("interval", layer.interval)
    longest = LONGEST_TURN // Unit(layer.unit).seconds
    if not 1 <= layer.interval <= longest:
        faults.append(("interval", f"A turn lasts 1 to {longest} {layer.unit}."))
    layer.handover_time = fields.get("handover_time", layer.handover_time).replace(second=0, microsecond=0)
    if "handover_weekday" in fields:
        layer.handover_weekday = fields["handover_weekday"]
    if layer.unit != Unit.WEEKS:
        layer.handover_weekday = None
    if layer.handover_weekday is not None and not 0 <= layer.handover_weekday <= 6:
        faults.append(("handover_weekday", "Write a weekday."))
    return faults


def _apply_span(layer: ScheduleLayer, fields: LayerFields) -> list[tuple[str, str]]:
    layer.starts_at = fields.get("starts_at", layer.starts_at)
    layer.ends_at = fields.get("ends_at", layer.ends_at)
    faults = [
        (name, f"Write a time between the years {EARLIEST} and {LATEST}.")
        for name, moment in (("starts_at", layer.starts_at), ("ends_at", layer.ends_at))
        if moment is not None and not EARLIEST <= moment.year < LATEST
    ]
    if layer.ends_at is not None and layer.ends_at - layer.starts_at < timedelta(minutes=1):
        faults.append(("ends_at", "The layer would end before it begins."))
    return faults
