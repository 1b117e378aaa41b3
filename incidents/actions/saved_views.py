from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, transaction
from django.http import QueryDict

from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound
from incident_center.kernel.scope import Actor
from incidents.models import SavedView
from incidents.models.collaboration import LONGEST_QUERY

LONGEST_NAME = 60
MOST_VIEWS = 50
#: Where one is in a list, not what is in it.
_POSITION = ("cursor", "page", "page_size")


def view_save(*, actor: Actor, user_id: UUID, name: str, query: str, is_shared: bool) -> SavedView:
    """Keeps a way to look at the list under a name; one's own of the same name is replaced.

    Raises:
        InvalidInput: no name, or a query that is none.
        Conflict: one has 50 already.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise InvalidInput("name", f"Name the view in 1 to {LONGEST_NAME} characters.")
    parameters = QueryDict(query, mutable=True)
    for position in _POSITION:
        parameters.pop(position, None)
    query = parameters.urlencode()
    if not 0 < len(query) <= LONGEST_QUERY:
        raise InvalidInput("query", "Filter the list first; then the view has something to remember.")
    with transaction.atomic():
        view = SavedView.objects.select_for_update(no_key=True).filter(owner_id=user_id, name=name).first()
        if view is None:
            if SavedView.objects.filter(owner_id=user_id).count() >= MOST_VIEWS:
                raise Conflict(f"You have {MOST_VIEWS} views; delete one first.")
            view = SavedView(owner_id=user_id, name=name)
        view.query, view.is_shared = query, is_shared
        try:
            with transaction.atomic():
                view.save()
        except IntegrityError as error:
            raise Conflict(f"You have just saved a view “{name}”; try again.") from error
    return view


def view_delete(*, view_id: UUID, user_id: UUID, may_delete_others: bool) -> None:
    """Deletes one's own view, or a shared one of somebody else where the role allows it.

    Raises:
        NotFound: no such view that the person can see.
        Conflict: it is shared by somebody else.
    """
    with transaction.atomic():
        view = SavedView.objects.select_for_update(no_key=True).filter(pk=view_id).first()
        if view is None or (view.owner_id != user_id and not view.is_shared):
            raise NotFound()
        if view.owner_id != user_id and not may_delete_others:
            raise Conflict(f"“{view.name}” is shared by {view.owner}; they, or a team lead, can delete it.")
        view.delete()
