"""What an incident's evidence is made of. Upper apps add their own files and their own rows of the record.

A part is a function from the incident to files; it runs in the incident's organization. ``audited`` says which rows
of the audit log belong to the incident.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from audit.evidence.proofs import File, Recorded
from incidents.models import Incident

Part = Callable[[Incident], Iterable[File]]
Objects = Callable[[Incident], Iterable[Recorded]]
_parts: list[tuple[int, Part]] = []
_objects: list[Objects] = []


def evidence_part(*, order: int) -> Callable[[Part], Part]:
    """Registers a function that gives files, as ``(path, bytes)``. Lower orders come first."""

    def register(part: Part) -> Part:
        _parts.append((order, part))
        _parts.sort(key=lambda each: each[0])
        return part

    return register


def audited(objects: Objects) -> Objects:
    """Registers a function that names rows of the record that belong to an incident."""
    _objects.append(objects)
    return objects


def files_of(incident: Incident) -> list[File]:
    return [file for _, part in _parts for file in part(incident)]


def objects_of(incident: Incident) -> list[Recorded]:
    return [one for objects in _objects for one in objects(incident)]


def as_json(document: Any) -> bytes:
    return (json.dumps(document, cls=DjangoJSONEncoder, indent=1, ensure_ascii=False) + "\n").encode()


def as_json_lines(documents: Iterable[Any]) -> bytes:
    return "".join(json.dumps(each, cls=DjangoJSONEncoder, ensure_ascii=False) + "\n" for each in documents).encode()
