"""The evidence of an incident: one signed archive that proves itself."""

from __future__ import annotations

from django.conf import settings

from audit.actions.access_record import access_record
from audit.actions.seal import seal_organization
from audit.evidence.archive import signed_archive
from audit.evidence.proofs import proven_entries
from audit.models import AccessKind
from incident_center.kernel.scope import Actor
from incidents.evidence.parts import files_of, objects_of
from incidents.models import Incident


def evidence_export(*, incident: Incident, actor: Actor, made_by: str) -> bytes:
    """The archive, sealed up to now; that it was made is on the record.

    Not in a transaction: what is written here is to be under the seal, too.

    Raises:
        Conflict: the record is not intact, so that nothing can be proven.
        Unavailable: the installation cannot sign.
    """
    access_record(actor=actor, kind=AccessKind.EXPORTED, subject=f"the evidence of {incident.reference}")
    organization = incident.organization
    seal_organization(organization.pk)
    files = [*files_of(incident), *proven_entries(organization.pk, objects_of(incident))]
    facts = {
        "installation": settings.BASE_URL,
        "organization": {"id": str(organization.public_id), "name": organization.name, "record": organization.pk},
        "incident": incident.reference,
    }
    return signed_archive(
        subject=f"Evidence of {incident.reference} “{incident.title}”, {organization.name}",
        made_by=made_by,
        base_url=settings.BASE_URL,
        files=files,
        facts=facts,
    )
