"""Keeping a search under a name, and dropping it."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, transaction

from incident_center.kernel.api.problems import Conflict, InvalidInput, NotFound
from incident_center.kernel.scope import Actor
from ingestion.models import SavedSearch

LONGEST_QUERY = 4_000
MOST_SEARCHES = 100


def saved_search_create(
    *, actor: Actor, membership_id: UUID, name: str, query: str, is_shared: bool = False
) -> SavedSearch:
    """Keeps ``query``, the part of the address after the question mark.

    Raises:
        InvalidInput: no name, too long a query, or a hundred searches already.
        Conflict: the person has a search of that name.
    """
    name = name.replace("\0", "").strip()
    if not name:
        raise InvalidInput("name", "Give the search a name.")
    if len(query) > LONGEST_QUERY:
        raise InvalidInput("query", "The search is too long to be kept.")
    if SavedSearch.objects.filter(membership_id=membership_id).count() >= MOST_SEARCHES:
        raise InvalidInput("name", f"You keep {MOST_SEARCHES} searches already; delete one first.")
    try:
        with transaction.atomic():
            return SavedSearch.objects.create(membership_id=membership_id, name=name, query=query, is_shared=is_shared)
    except IntegrityError as error:
        raise Conflict("You have a search of that name already.") from error


def saved_search_delete(*, actor: Actor, membership_id: UUID, search_id: UUID, any_shared: bool) -> SavedSearch:
    """Drops one's own search, or, with ``any_shared``, one that somebody shared.

    Raises:
        NotFound: there is none that the person can see.
        Conflict: somebody else shared it, and only that person or a team lead drops it.
    """
    with transaction.atomic():
        search = SavedSearch.objects.select_for_update(of=("self",)).filter(pk=search_id).first()
        is_own = search is not None and search.membership_id == membership_id
        if search is None or not (is_own or search.is_shared):
            raise NotFound()
        if not (is_own or any_shared):
            raise Conflict("Only who shared a search, or a team lead, can delete it.")
        search.delete()
    return search
