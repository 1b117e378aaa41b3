"""GitHub's REST API for issues (https://docs.github.com/en/rest/issues)."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from notifications.channels.base import (
    LONGEST_RETRY_AFTER_SECONDS,
    USER_AGENT,
    AddressError,
    ChannelKind,
    IssueChange,
    Message,
    Outcome,
    Recipient,
    Request,
    Result,
    exchange,
    judge_status,
    retry_after,
)
from notifications.channels.egress import Answer
from notifications.channels.github.issue import LABEL, issue_body, issue_comment, issue_title, marker

API_VERSION = "2022-11-28"
REPOSITORY = re.compile(r"(?P<base>/.*)?/repos/(?P<name>[\w.-]+/[\w.-]+)/?|/(?P<page>[\w.-]+/[\w.-]+?)(?:\.git)?/?")
# How many of the newest issues are looked through for one that an attempt opened whose end nobody recorded.
LOOKED_THROUGH = 8
# No call is begun later than this after the first, so that all have ended before the claim of the delivery runs out.
LAST_CALL_SECONDS = 15.0
ENDS = ("resolved", "withdrawn")
NOT_GITHUB = "It does not answer as GitHub does."


@dataclass(frozen=True)
class Repository:
    """``address``: of the repository in the API."""

    name: str
    address: str


class GitHubKind(ChannelKind):
    name = "github"
    label = "GitHub issues"
    icon = "circle-dot"
    address_label = "Repository"
    address_help = "An issue is opened for each incident that a route sends here, and closed with it."
    address_example = "https://github.com/acme/payments"
    credential_label = "Token"
    credential_help = "A fine-grained access token, or an app's, that may read and write the repository's issues."
    # GitHub asks for a second between writing requests, and allows 80 in a minute.
    burst = 5
    rate_per_second = 0.5
    groups_bursts = False
    hears_the_end = True

    def check_address(self, address: str) -> None:
        super().check_address(address)
        if REPOSITORY.fullmatch(urlsplit(address).path) is None:
            raise AddressError(f"Write the repository's address, such as {self.address_example}")

    def shown_address(self, address: str) -> str:
        return address  # It is no credential; the token is.

    def send(self, recipient: Recipient, message: Message) -> Result:
        return _Conversation(repository(recipient.url), recipient.credential, message).hold()


def repository(address: str) -> Repository:
    """What an address leads to: a repository's page on GitHub or GitHub Enterprise, or its place in an API.

    Raises:
        AddressError: to no repository.
    """
    parts = urlsplit(address)
    found = REPOSITORY.fullmatch(parts.path)
    if found is None:
        raise AddressError("This leads to no repository.")
    origin = f"{parts.scheme}://{parts.netloc}"
    if found["name"]:
        return Repository(found["name"], f"{origin}{found['base'] or ''}/repos/{found['name']}")
    api = "https://api.github.com" if parts.hostname in ("github.com", "www.github.com") else f"{origin}/api/v3"
    return Repository(found["page"], f"{api}/repos/{found['page']}")


class _Refused(Exception):
    """The other side did not do it; the result says why."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.error)
        self.result = result


class _Conversation:
    """What is said to GitHub for one message."""

    def __init__(self, repository: Repository, token: str, message: Message) -> None:
        self.repository = repository
        self.token = token
        self.message = message
        self.incident = message.payload["data"]["incident"]
        self.began = time.monotonic()

    def hold(self) -> Result:
        try:
            if self.incident["id"] is None:
                return self._try_out()
            issue = self._present_issue()
            return self._open() if issue is None else self._go_on(issue)
        except _Refused as refused:
            return refused.result
        except (LookupError, TypeError):
            return Result(Outcome.FAILED, error=NOT_GITHUB)

    def _try_out(self) -> Result:
        """Opens an issue and closes it: only that shows that the token may do both."""
        issue = self._call("POST", "/issues", self._described())
        self._call("PATCH", f"/issues/{issue['number']}", {"state": "closed", "state_reason": "not_planned"})
        return self._delivered(issue)

    def _present_issue(self) -> Any | None:
        """The issue about the incident, unless it is gone; also one whose opening was never recorded."""
        if self.message.remote_id:
            try:
                return self._call("GET", f"/issues/{self.message.remote_id}")
            except _Refused as refused:
                if refused.result.status_code in (404, 410):
                    return None
                raise
        newest = self._call("GET", f"/issues?state=all&labels={LABEL}&sort=created&per_page={LOOKED_THROUGH}")
        sign = marker(self.incident)
        return next((issue for issue in newest if sign in str(issue.get("body") or "")), None)

    def _open(self) -> Result:
        if self._is_over():
            return Result(Outcome.DELIVERED, answer="There was no issue to close.")
        labels = [LABEL, f"severity: {self.incident['severity']}"]
        issue = self._call("POST", "/issues", {**self._described(), "labels": labels})
        return self._delivered(issue, is_open=True)

    def _go_on(self, issue: Any) -> Result:
        """The description first, which may be repeated; the comment last, so that a repetition says it once."""
        values = self._described()
        is_open = None
        if self._is_over() and issue["state"] == "open":
            is_open = False
            reason = "completed" if self.incident["status"] == "resolved" else "not_planned"
            values |= {"state": "closed", "state_reason": reason}
        elif self.message.is_alarm and issue["state"] != "open":
            is_open = True
            values |= {"state": "open"}
        self._call("PATCH", f"/issues/{issue['number']}", values)
        self._call("POST", f"/issues/{issue['number']}/comments", {"body": issue_comment(self.message.payload)})
        return self._delivered(issue, is_open=is_open)

    def _is_over(self) -> bool:
        event = self.message.payload["data"]["event"] or {}
        kind = str(self.message.payload["type"]).removeprefix("incident.")
        is_merged = kind == "merged" and "into_number" in event.get("data", {})
        return self.incident["status"] == "resolved" or kind in ENDS or is_merged

    def _described(self) -> dict[str, Any]:
        return {"title": issue_title(self.message.payload), "body": issue_body(self.message.payload)}

    def _delivered(self, issue: Any, *, is_open: bool | None = None) -> Result:
        number = str(issue["number"])
        result = Result(Outcome.DELIVERED, answer=str(issue.get("html_url", "")), remote_id=number)
        if is_open is None:
            return result
        name = f"{self.repository.name}#{result.remote_id}"
        return replace(result, issue=IssueChange(is_open, name, result.answer))

    def _call(self, method: str, path: str, values: dict[str, Any] | None = None) -> Any:
        if time.monotonic() - self.began > LAST_CALL_SECONDS:
            raise _Refused(Result(Outcome.RETRY, error="It answers too slowly."))
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "X-GitHub-Api-Version": API_VERSION,
        }
        body = b"" if values is None else json.dumps(values).encode()
        answer = exchange(method, self.repository.address + path, Request(headers, body))
        if isinstance(answer, Result):
            raise _Refused(answer)
        result = judge(answer, datetime.now(UTC))
        if result.outcome is not Outcome.DELIVERED:
            raise _Refused(result)
        try:
            return json.loads(answer.body)
        except ValueError as error:
            raise _Refused(replace(result, outcome=Outcome.FAILED, error=NOT_GITHUB)) from error


def judge(answer: Answer, now: datetime) -> Result:
    """The meaning of an answer. GitHub says with 403 too that it wants to be left alone for a while.

    Source: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    result = judge_status(answer)
    if answer.status not in (403, 429):
        return result
    wait = retry_after(answer.headers.get("retry-after", ""), now)
    if wait is None and answer.headers.get("x-ratelimit-remaining") == "0":
        resets_at = answer.headers.get("x-ratelimit-reset", "")
        wait = float(resets_at) - now.timestamp() if resets_at.isdigit() else 60.0
    if wait is None:
        return result
    wait = min(max(wait, 0.0), LONGEST_RETRY_AFTER_SECONDS)
    error = "Its limit of requests is used up."
    return replace(result, outcome=Outcome.RETRY, error=error, retry_after_seconds=wait)
