"""Who pressed a button in Slack, by the address that their workspace has confirmed."""

from __future__ import annotations

from typing import Any

from notifications.channels.base import Outcome, Recipient, Result
from notifications.channels.slack.app import call_method


class UnknownPersonError(Exception):
    """Nobody can be sure who it was; the message is a sentence for who pressed the button."""


def email_of(recipient: Recipient, slack_user_id: str) -> str:
    """The confirmed address of a member of the app's own workspace.

    People of other workspaces, whom a shared conversation lets in, are strangers: their addresses are what their own
    administrators write.

    Raises:
        UnknownPersonError.
    """
    ourselves = _ask(recipient, "auth.test")
    person = _ask(recipient, "users.info", user=slack_user_id).get("user") or {}
    if person.get("is_bot") or person.get("deleted"):
        raise UnknownPersonError("Only people can do this.")
    if person.get("is_stranger") or person.get("team_id") != ourselves.get("team_id"):
        raise UnknownPersonError("Only members of the app's own workspace can do this.")
    address = str((person.get("profile") or {}).get("email") or "")
    if not address:
        raise UnknownPersonError("Slack does not tell your address: the app needs the scope users:read.email.")
    if not person.get("is_email_confirmed", True):
        raise UnknownPersonError("Confirm your e-mail address in Slack first.")
    return address


def _ask(recipient: Recipient, method: str, **arguments: str) -> dict[str, Any]:
    said = call_method(recipient, method, arguments, is_form=True)
    if isinstance(said, Result):
        if said.outcome is Outcome.RETRY:
            raise UnknownPersonError("Slack could not be asked who you are; try again.")
        raise UnknownPersonError(f"Slack does not say who you are: {said.error}")
    return said
