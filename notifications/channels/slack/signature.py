"""Whether a request comes from Slack: HMAC-SHA256 over its raw body and time, with the app's signing secret.

Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import hmac

# Older ones may be repetitions by somebody who listened.
WINDOW_SECONDS = 5 * 60


def is_genuine(secret: str, timestamp: str, signature: str, body: bytes, *, now: float) -> bool:
    """``timestamp`` and ``signature``: the headers X-Slack-Request-Timestamp and X-Slack-Signature."""
    if not secret or not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        return False
    if abs(now - int(timestamp)) > WINDOW_SECONDS:
        return False
    signed = f"v0:{timestamp}:".encode() + body
    expected = "v0=" + hmac.new(secret.encode(), signed, "sha256").hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())
