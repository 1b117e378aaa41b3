"""Replaying a dead letter of the kind ``alert``: its alerts go where they would have gone, now."""

from __future__ import annotations

from detection.actions.receive_alerts import receive_alerts
from detection.alerts.protocols import Protocol, read_body
from incident_center.kernel.api.problems import Conflict, InvalidInput
from incident_center.kernel.scope import Actor
from incidents.models import Incident
from ingestion.models import DeadLetter
from ingestion.parsers.alerts.signal import UnreadableAlertError
from ingestion.replays import Replay

#: An alert opens the incident, not whoever repaired the letter, whom the audit log names.
ACTOR = Actor.system("alerts")
NAMED = 3


def replay_alert(letter: DeadLetter, content: bytes) -> Replay:
    """A ``Replayer``.

    Raises:
        Conflict: the letter is older than the memory of how its sender spoke.
        InvalidInput: it still cannot be read; ``errors`` names the field.
    """
    if letter.protocol not in list(Protocol):
        raise Conflict("How its sender spoke was not kept then. Send it corrected to where it was sent.")
    try:
        signals = read_body(Protocol(letter.protocol), content)
    except UnreadableAlertError as error:
        raise InvalidInput(error.field, f"Still not readable: {error.message}") from None
    received = receive_alerts(actor=ACTOR, signals=signals, service_id=letter.service_id)
    incidents = list(Incident.objects.filter(pk__in=received.incidents).order_by("number"))
    return Replay(received.accepted, 0, _said(received.accepted, incidents), received.incidents)


def _said(alerts: int, incidents: list[Incident]) -> str:
    what = "1 alert" if alerts == 1 else f"{alerts} alerts"
    if not incidents:
        return f"Replayed: {what}, of which no incident came."
    named = ", ".join(incident.reference for incident in incidents[:NAMED])
    more = len(incidents) - NAMED
    return f"Replayed: {what}, in {named}{f' and {more} more' if more > 0 else ''}."
