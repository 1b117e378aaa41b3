from __future__ import annotations

from django.conf import settings
from django.utils import timezone

from incidents.events import LetterWritten
from notifications import messages
from notifications.actions.contacts import account_contacts
from notifications.actions.outbox_write import GIVE_UP_AFTER, write_deliveries
from notifications.models import Delivery
from notifications.topics import Topic
from organizations.models import User


def letter_write(letter: LetterWritten) -> None:
    """Puts an e-mail to each of the people into the outbox; part of the transaction that tells them.

    It goes to the account's own address, whatever the person's rules say of pages. Nothing where the installation
    sends no e-mail.
    """
    if not settings.EMAIL_CONFIGURED:
        return
    now = timezone.now()
    contacts = account_contacts(list(User.objects.filter(pk__in=letter.user_ids).order_by("pk")))
    payload = messages.letter_document(letter, now)
    write_deliveries(
        [
            Delivery(
                contact=contact,
                topic=Topic.NOTICE,
                sequence=0,
                payload=payload,
                next_attempt_at=now,
                created_at=now,
                give_up_at=now + GIVE_UP_AFTER,
            )
            for contact in contacts.values()
        ]
    )
