from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from incidents.events import PeopleTold, people_told
from notifications.models import Contact, NotificationStep


def contact_expire(*, contact_id: UUID) -> None:
    """Forgets a contact at which nobody is any more, such as a browser that ended its subscription, and tells whose it
    was. Twice is no error.
    """
    with transaction.atomic():
        contact = Contact.objects.select_for_update(no_key=True).filter(pk=contact_id, removed_at=None).first()
        if contact is None:
            return
        NotificationStep.objects.filter(contact=contact).delete()
        contact.removed_at = timezone.now()
        contact.address = ""
        contact.save(update_fields=["removed_at", "address"])
        title = "A browser of yours takes no notifications any more"
        body = f"{contact.label or 'It'} ended its subscription, and is no longer among your contacts and rules."
        people_told.emit(PeopleTold((contact.user_id,), title, body, reverse("notifications:mine")))
