from audit.models.access import AccessKind, AuditAccess
from audit.models.entry import AuditEntry
from audit.models.publication import AuditPublication
from audit.models.seal import AuditSeal
from audit.models.signing_key import SigningKey
from audit.models.verification import AuditVerification

__all__ = [
    "AccessKind",
    "AuditAccess",
    "AuditEntry",
    "AuditPublication",
    "AuditSeal",
    "AuditVerification",
    "SigningKey",
]
