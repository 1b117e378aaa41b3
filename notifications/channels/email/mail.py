"""One e-mail about an incident: written, sent, and its refusal understood."""

from __future__ import annotations

import queue
import smtplib
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string

from notifications.channels.base import Message, Outcome, Result
from notifications.channels.wording import facts

LONGEST_SUBJECT = 180
# Each step of the conversation has a bound of its own (EMAIL_TIMEOUT); all of them together end before the claim of a
# delivery does, so that a server that dawdles does not get the same mail again and again.
LONGEST_SECONDS = 25.0
NO_SERVER = "This installation sends no e-mail: the operator names a server with EMAIL_URL."


def send_incident_mail(to: Sequence[str], message: Message, *, links: Mapping[str, str], because: str) -> Result:
    """Sends one e-mail to all the addresses.

    Args:
        links: what the reader can do, as label and address; the first is the most urgent.
        because: why the reader gets it, as the end of "You get this because …".
    """
    data = message.payload["data"]
    incident = data["incident"]
    context = {
        "incident": incident,
        "summary": data["summary"],
        "note": data.get("note", ""),
        "facts": facts(message.payload),
        "links": list(links.items()),
        "because": because,
    }
    subject = f"{incident['reference']} {data['summary']} · {incident['severity'].capitalize()} · {incident['title']}"
    headers = {**_headers(message), "References": f"<incident-{incident['id'] or message.id}@{_domain()}>"}
    return send_mail(
        to,
        subject=" ".join(subject.split())[:LONGEST_SUBJECT],
        text=render_to_string("notifications/email/incident.txt", context),
        html=render_to_string("notifications/email/incident.html", context),
        headers=headers,
    )


def send_letter_mail(to: Sequence[str], message: Message) -> Result:
    """Sends a letter that is about no incident to all the addresses."""
    context = message.payload["data"]
    return send_mail(
        to,
        subject=" ".join(context["subject"].split())[:LONGEST_SUBJECT],
        text=render_to_string("notifications/email/letter.txt", context),
        html=render_to_string("notifications/email/letter.html", context),
        headers=_headers(message),
    )


def _headers(message: Message) -> dict[str, str]:
    """The same id at each attempt, so that a mailbox can drop the second; RFC 3834 keeps out-of-office answers away."""
    return {"Message-ID": f"<{message.id}@{_domain()}>", "Auto-Submitted": "auto-generated"}


def send_mail(
    to: Sequence[str], *, subject: str, text: str, html: str = "", headers: Mapping[str, Any] | None = None
) -> Result:
    """Hands a mail to the installation's server, and says what came of it."""
    if not settings.EMAIL_CONFIGURED:
        return Result(Outcome.FAILED, error=NO_SERVER)
    mail = EmailMultiAlternatives(subject, text, to=list(to), headers=dict(headers or {}), connection=get_connection())
    if html:
        mail.attach_alternative(html, "text/html")
    outcomes: queue.Queue[Result | Exception] = queue.Queue()

    def hand_over() -> None:
        try:
            outcomes.put(_hand_over(mail))
        except Exception as error:
            outcomes.put(error)

    # smtplib knows no deadline of the whole, so it runs on a thread that may be left behind.
    threading.Thread(target=hand_over, name="mail", daemon=True).start()
    try:
        outcome = outcomes.get(timeout=LONGEST_SECONDS)
    except queue.Empty:
        return Result(Outcome.RETRY, error=f"The mail server did not take it within {LONGEST_SECONDS:.0f} s.")
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _hand_over(mail: EmailMultiAlternatives) -> Result:
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        code, said = max(error.recipients.values(), key=lambda refusal: refusal[0])
        return _refused(code, said)
    except smtplib.SMTPResponseException as error:
        return _refused(error.smtp_code, error.smtp_error)
    except (OSError, smtplib.SMTPException) as error:
        return Result(Outcome.RETRY, error=f"The mail server cannot be reached: {error or type(error).__name__}.")
    return Result(Outcome.DELIVERED, answer="The mail server took it.")


def _refused(code: int, said: bytes | str) -> Result:
    """RFC 5321: 4xx passes, 5xx does not. A refused sign-in is the operator's to repair, so it is tried again."""
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    is_lasting = code >= 500 and code not in (530, 534, 535, 538)
    outcome = Outcome.FAILED if is_lasting else Outcome.RETRY
    # smtplib's word for an answer that is none of SMTP is the code -1.
    return Result(outcome, code if code > 0 else None, words[:500], f"The mail server refuses it: {code} {words[:300]}")


def _domain() -> str:
    return urlsplit(settings.BASE_URL).hostname or "localhost"
