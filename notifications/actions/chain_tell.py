from __future__ import annotations

from django.urls import reverse

from audit.events import ChainBroken
from incidents.events import LetterWritten, PeopleTold
from notifications.actions.letter_write import letter_write
from notifications.actions.notice_write import notice_write
from organizations.access import Role
from organizations.models import Membership

TITLE = "The audit log is not intact"
WHAT_TO_DO = (
    "Change nothing more in the database before a copy of it is kept. Compare the published seals with those of the"
    " database, and find out who had access to it as its owner or as a superuser."
)


def chain_tell(broken: ChainBroken) -> None:
    """Tells the owners by inbox and by letter; part of the transaction that keeps what was found."""
    owners = Membership.objects.filter(is_active=True, role=Role.OWNER).order_by("pk")
    user_ids = tuple(owners.values_list("user_id", flat=True))
    detail, page = broken.verification.fault, reverse("audit:audit")
    notice_write(PeopleTold(user_ids, TITLE, detail, page))
    body = f"{detail}\n\n{WHAT_TO_DO}"
    letter_write(LetterWritten(user_ids, TITLE, body, page, "See what was found", "you own the organization"))
