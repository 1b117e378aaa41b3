"""Which organization, and who, the running code acts for.

The scope lives in a ContextVar: it follows a thread, an asyncio task and ``sync_to_async`` calls, and never leaks
between requests that happen to share a database connection. The database backend reads it at every cursor and
tells PostgreSQL, whose row-level security does the refusing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

ActorKind = Literal["user", "key", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change: a person, an API key, or a named part of the system. Written as ``user:<uuid>``."""

    kind: ActorKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    @classmethod
    def user(cls, user_id: UUID) -> Actor:
        return cls("user", str(user_id))

    @classmethod
    def key(cls, key_id: UUID) -> Actor:
        return cls("key", str(key_id))

    @classmethod
    def system(cls, name: str) -> Actor:
        return cls("system", name)

    @classmethod
    def parse(cls, text: str) -> Actor:
        """The inverse of ``str(actor)``.

        Raises:
            ValueError: the text is not ``user:…``, ``key:…`` or ``system:…``.
        """
        kind, _, identifier = text.partition(":")
        if kind not in ("user", "key", "system") or not identifier:
            raise ValueError(f"not an actor: {text!r}; expected user:<id>, key:<id> or system:<name>")
        return cls(kind, identifier)  # type: ignore[arg-type]

    @property
    def user_id(self) -> UUID | None:
        """The person's id, or None where the actor is not a person."""
        return UUID(self.id) if self.kind == "user" else None


@dataclass(frozen=True, slots=True)
class Scope:
    """The organization whose rows are visible, and the actor to whom changes are attributed."""

    organization_id: int | None = None
    actor: Actor | None = None


NOBODY = Scope()
_scope: ContextVar[Scope] = ContextVar("incident_center_scope", default=NOBODY)


class OutsideOrganizationError(RuntimeError):
    """Code that needs an organization ran where none was opened."""


def current_scope() -> Scope:
    return _scope.get()


def require_organization_id() -> int:
    """The organization of the open scope.

    Raises:
        OutsideOrganizationError: no scope is open.
    """
    organization_id = _scope.get().organization_id
    if organization_id is None:
        raise OutsideOrganizationError("no organization scope is open; enter organization_scope(...) first")
    return organization_id


@contextmanager
def organization_scope(organization_id: int, *, actor: Actor | None) -> Iterator[Scope]:
    """Makes ``organization_id`` the only visible organization inside the block; then the scope before is back."""
    scope = Scope(organization_id, actor)
    token = _scope.set(scope)
    try:
        yield scope
    finally:
        _scope.reset(token)


@contextmanager
def no_scope(*, actor: Actor | None = None) -> Iterator[Scope]:
    """Makes no organization visible inside the block, whatever was open around it."""
    scope = Scope(None, actor)
    token = _scope.set(scope)
    try:
        yield scope
    finally:
        _scope.reset(token)


def enter_scope(organization_id: int | None, actor: Actor | None) -> None:
    """Replaces the scope until the surrounding ``no_scope()`` or ``organization_scope()`` block ends.

    For authentication, which learns in the middle of a request whose request it is. The middleware holds the block.
    """
    _scope.set(Scope(organization_id, actor))
