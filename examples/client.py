"""A small client of the API, with nothing but the standard library."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any


class ApiError(RuntimeError):
    """The server refused; the message is its problem document's detail."""

    def __init__(self, method: str, path: str, status: int, problem: dict[str, Any]) -> None:
        errors = "; ".join(f"{one['field']}: {one['message']}" for one in problem.get("errors", []))
        super().__init__(f"{method} {path} answered {status}: {problem.get('detail', '')} {errors}".strip())
        self.status = status


class Api:
    """Speaks for a person, once signed in."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.token = ""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The decoded answer. Raises ApiError for every refusal."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base_url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=15) as response:
                raw = response.read()
        except urllib.error.HTTPError as error:
            raw = error.read()
            problem = json.loads(raw) if raw.startswith(b"{") else {"detail": raw[:200].decode(errors="replace")}
            raise ApiError(method, path, error.code, problem) from error
        return json.loads(raw) if raw else None

    def results(self, path: str) -> list[dict[str, Any]]:
        """The first page of a list."""
        return self.call("GET", path)["results"]  # type: ignore[no-any-return]
