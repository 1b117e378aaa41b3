"""From an object's page to its history in the record. The app that keeps the record says where that is."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest

#: Request, table, object id → the address, or "" for who may not read the record.
Address = Callable[[HttpRequest, str, str], str]
_addresses: list[Address] = []


def register(address: Address) -> None:
    _addresses.append(address)


def history_address(request: HttpRequest, table: str, object_id: object) -> str:
    """Where the object's history is, for this person; "" where there is none to see."""
    return next((found for each in _addresses if (found := each(request, table, str(object_id)))), "")
