"""The rates of ``organizations.rates`` as DRF asks for them: after authentication and role, before the handler."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from organizations.keys import KeyIdentity
from organizations.members import Member
from organizations.rates import admit_key, person_wait


class PersonThrottle(BaseThrottle):
    """Per person and endpoint."""

    _wait = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        if isinstance(request.auth, Member):
            self._wait = person_wait(request.auth.user.pk, f"{request.method} {type(view).__name__}")
        return not self._wait

    def wait(self) -> float:
        return self._wait


class KeyThrottle(BaseThrottle):
    """Per key and organization. Refuses by itself, since it knows whose limit it was."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if isinstance(request.auth, KeyIdentity):
            admit_key(request.auth)
        return True
