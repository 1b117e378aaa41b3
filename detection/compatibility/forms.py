"""Refusals in the form of another protocol."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from rest_framework.response import Response

from detection.api.alert_intake import AlertIntakeView

HEADERS = ("Retry-After", "WWW-Authenticate", "Allow")


class ForeignFormView(AlertIntakeView, ABC):
    """Answers errors as the protocol's own server would: subclasses say how."""

    @abstractmethod
    def refusal(self, status: int, detail: str, errors: list[str]) -> Any:
        """The body of an error.

        Args:
            errors: what is wrong with which field, in sentences.
        """

    def handle_exception(self, exc: Exception) -> Response:
        problem = super().handle_exception(exc)
        errors = [f"{each['field']}: {each['message']}".removeprefix(": ") for each in problem.data.get("errors", [])]
        body = self.refusal(problem.status_code, problem.data["detail"], errors)
        headers = {name: problem[name] for name in HEADERS if name in problem}
        return Response(body, status=problem.status_code, headers=headers, content_type="application/json")
