"""How decisions about alerts read in the explain ledger, and alerts in incidents."""

from __future__ import annotations

from datetime import timedelta

from detection.alerts.messages import Message
from detection.alerts.transitions import OVERTAKEN, Effect
from detection.models import Alert, AlertGroup
from incidents.ledger import Ruling
from incidents.models import Incident, Stage
from ingestion.parsers.alerts.signal import Signal

LABELS_SHOWN = 30


def _ruling(outcome: str, reason: str, alert: Alert | None = None, stage: Stage = Stage.INTAKE) -> Ruling:
    if alert is None:
        return Ruling(stage, outcome, reason)
    return Ruling(stage, outcome, reason, subject=f"alert:{alert.pk}", subject_name=alert.title)


def fires(alert: Alert, message: Message) -> Ruling:
    return _ruling("fired", f"A new alert: {message.reason}", alert)


def fires_again(alert: Alert, message: Message) -> Ruling:
    return _ruling(
        "fired_again", f"The alert fires for the {_ordinal(alert.firing_count)} time: {message.reason}", alert
    )


def over(alert: Alert) -> Ruling:
    return _ruling("alert_resolved", "Its sender says that the alert is over.", alert)


def ignored(effect: Effect, signal: Signal, alert: Alert | None) -> Ruling:
    """A message that changes nothing."""
    what = {"trigger": "firing", "acknowledge": "acknowledged", "resolve": "over"}[signal.step]
    if effect is Effect.NOTHING_OPEN:
        reason = f"The message says that {signal.fingerprint} is {what}, and no alert of this key is open."
        return _ruling("nothing_open", reason, alert)
    minutes = OVERTAKEN // timedelta(minutes=1)
    reason = (
        f"The message says that the alert is {what} since {_when(signal)}, and a newer one is known: it was overtaken"
        f" on its way. A firing alert of the same start is believed {minutes} minutes after its end."
    )
    return _ruling("overtaken", reason, alert)


def counted_only(incident: Incident, alert: Alert, minutes: int) -> Ruling:
    if incident.withdrawn_at is not None:
        reason = f"{incident.reference} was withdrawn; the same firing opens no other."
    else:
        reason = (
            f"{incident.reference} was resolved while the alert fires. It is counted; if it still fires {minutes}"
            " minutes after, it opens an incident."
        )
    return _ruling("counted", reason, alert)


def opened(group: AlertGroup) -> Ruling:
    return _ruling("opened", f"No open incident has the key {group.key}.")


def joined(group: AlertGroup, incident: Incident) -> Ruling:
    return _ruling("joined", f"{incident.reference} is open for the key {group.key}.")


def reopened(incident: Incident, minutes: int) -> Ruling:
    reason = f"{incident.reference} was resolved less than {minutes} minutes ago: what fires again reopens it."
    return _ruling("reopened", reason)


def absorbed(group: AlertGroup, limit: int) -> Ruling:
    reason = f"More than {limit} new problems within a minute: one incident takes the rest, {group.key} among them."
    return Ruling(Stage.STORM, "absorbed", reason, subject=f"alert-group:{group.pk}", subject_name=group.problem[:255])


def ended(incident: Incident) -> Ruling:
    return _ruling("resolved", f"The last alert of {incident.reference} is over.")


def not_ended(incident: Incident, firing: int) -> Ruling:
    if firing:
        return _ruling("stays_open", f"{firing} alerts of {incident.reference} still fire.")
    reason = f"All alerts of {incident.reference} are over; a {incident.source} opened it, so a person closes it."
    return _ruling("stays_open", reason)


def description_of(message: Message) -> str:
    """Markdown for an incident: what the sender says, and the labels."""
    signal = message.signal
    parts = [signal.description] if signal.description else []
    if signal.labels:
        shown = list(signal.labels.items())[:LABELS_SHOWN]
        parts.append("\n".join(f"- `{_code(name)}`: `{_code(value)}`" for name, value in shown if value))
    parts += [f"[{_plain(link.text or link.href)}](<{link.href}>)" for link in signal.links if ">" not in link.href]
    return "\n\n".join(parts)


def _code(text: str) -> str:
    return " ".join(text.replace("`", "'").split())[:200]


def _plain(text: str) -> str:
    return text.replace("[", "(").replace("]", ")")[:200]


def _when(signal: Signal) -> str:
    return signal.starts_at.isoformat() if signal.starts_at is not None else "an unknown time"


def _ordinal(number: int) -> str:
    suffix = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"
