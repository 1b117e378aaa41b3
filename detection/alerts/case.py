"""One problem and what a batch of messages says about it: alerts are changed in memory, incidents are not touched."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from detection.alerts import wording
from detection.alerts.messages import Message
from detection.alerts.transitions import Effect, Known, effect_of
from detection.models import Alert, AlertGroup, AlertMapping, AlertStatus
from incident_center.kernel.scope import require_organization_id
from incidents.ledger import Ruling
from incidents.lifecycle import SEVERITY_ORDER, Severity
from incidents.models import Incident
from ingestion.parsers.alerts.signal import Signal, Step

#: The deduplication key of the incident that absorbs a storm.
STORM_KEY = "alert:storm"


class Home(StrEnum):
    """Where alerts that fire belong."""

    LIVE = "live"
    """To the open incident of the problem."""
    REJOIN = "rejoin"
    """To the one that was resolved a moment ago."""
    FRESH = "fresh"
    """To none that is there."""


def home_of(incident: Incident | None, rejoin: timedelta, now: datetime) -> Home:
    if incident is None or incident.withdrawn_at is not None:
        return Home.FRESH
    if incident.is_live:
        return Home.LIVE
    is_recent = incident.resolved_at is not None and now - incident.resolved_at < rejoin
    return Home.REJOIN if is_recent and incident.dedup_key != STORM_KEY else Home.FRESH


@dataclass
class Case:
    """Filled by ``hear``; ``detection.actions.receive_alerts`` carries it out."""

    group: AlertGroup
    rule: AlertMapping
    incident: Incident | None
    """The one in which the group's incident lives on, locked."""
    home: Home
    now: datetime

    # Known alerts, by fingerprint.
    linked: dict[str, Alert] = field(default_factory=dict)
    """Of the home incident."""
    loose: dict[str, Alert] = field(default_factory=dict)
    """Of no incident: ends that came before their beginnings."""
    past: dict[str, Alert] = field(default_factory=dict)
    """Of an incident that is over for good."""

    # What the messages say.
    fired: list[Alert] = field(default_factory=list)
    again: list[Alert] = field(default_factory=list)
    resolved: list[Alert] = field(default_factory=list)
    acknowledged: bool = False
    occurrences: int = 0
    is_repeated: bool = False
    changed: dict[str, Alert] = field(default_factory=dict)
    """To be saved, by id."""
    repeated: dict[str, Alert] = field(default_factory=dict)
    """Of which only a repetition is to be saved, by id."""
    rulings: list[Ruling] = field(default_factory=list)
    opener: Message | None = None
    """The first message that asks for an open incident."""
    has_opened: bool = False
    """Whether the incident was made for it, and names its alerts already."""

    @property
    def fires(self) -> bool:
        """Whether something asks for an open incident."""
        return self.opener is not None

    @property
    def severity(self) -> Severity:
        """The worst of what fires now."""
        found = {alert.severity for alert in (*self.fired, *self.again)}
        return next(severity for severity in reversed(SEVERITY_ORDER) if severity in found)

    def place(self, alert: Alert) -> None:
        """Sorts a stored alert in; see the three dictionaries."""
        rows = self.loose if alert.incident_id is None else self.past if self.home is Home.FRESH else self.linked
        rows[alert.fingerprint] = alert

    def hear(self, message: Message) -> None:
        """Takes in one message; those of one group in the order of their arrival."""
        signal = message.signal
        alert = self._current(signal.fingerprint)
        known = None if alert is None else Known(alert.is_live, alert.starts_at, alert.resolved_at)
        effect = effect_of(known, signal, self.now)
        if alert is not None and self.past.get(signal.fingerprint) is not alert:
            self._count(alert)
        if effect in (Effect.FIRED, Effect.FIRED_AGAIN):
            self._fire(message)
        elif alert is None or effect in (Effect.STALE, Effect.NOTHING_OPEN):
            self._ignore(effect, message, alert)
        elif effect is Effect.REPEATED:
            self._repeat(alert, message)
        elif effect is Effect.ACKNOWLEDGED:
            alert.status = AlertStatus.ACKNOWLEDGED
            self.acknowledged = True
            self._keep(alert)
        else:
            self._resolve(alert, signal)

    def _current(self, fingerprint: str) -> Alert | None:
        return self.linked.get(fingerprint) or self.loose.get(fingerprint) or self.past.get(fingerprint)

    def _count(self, alert: Alert) -> None:
        alert.received_count += 1
        alert.last_received_at = self.now
        if str(alert.pk) not in self.changed:
            self.repeated[str(alert.pk)] = alert

    def _keep(self, alert: Alert) -> None:
        self.changed[str(alert.pk)] = alert
        self.repeated.pop(str(alert.pk), None)

    # ---- It fires --------------------------------------------------------------------------------------------------

    def _fire(self, message: Message) -> None:
        """Something that was not firing in this incident now is."""
        fingerprint = message.signal.fingerprint
        alert = self.linked.get(fingerprint)
        self.opener = self.opener or message
        if alert is None:
            self._leave(self.past.pop(fingerprint, None))
            alert = self.loose.pop(fingerprint, None) or self._row(message)
            self._describe(alert, message)
            alert.firing_count = max(alert.firing_count, 1)
            self.linked[fingerprint] = alert
            self.fired.append(alert)
            self.rulings.append(wording.fires(alert, message))
        else:
            self._fire_again(alert, message)
        self._keep(alert)

    def _leave(self, past: Alert | None) -> None:
        """What went on firing in an incident that is over does so in a newer one now."""
        if past is not None and past.is_live:
            past.status, past.resolved_at, past.expires_at = AlertStatus.RESOLVED, self.now, None
            self._keep(past)

    def _fire_again(self, alert: Alert, message: Message) -> None:
        self._describe(alert, message)
        alert.firing_count += 1
        self.occurrences += 1
        if alert in self.resolved:
            self.resolved.remove(alert)
        if alert not in self.fired and alert not in self.again:
            self.again.append(alert)
        self.rulings.append(wording.fires_again(alert, message))

    def _row(self, message: Message) -> Alert:
        alert = Alert(
            organization_id=require_organization_id(),
            group=self.group,
            fingerprint=message.signal.fingerprint,
            severity=Severity.MEDIUM,
            first_received_at=self.now,
            last_received_at=self.now,
        )
        self._describe(alert, message)
        return alert

    def _describe(self, alert: Alert, message: Message) -> None:
        """The newest firing message counts."""
        signal = message.signal
        alert.status = AlertStatus.FIRING
        alert.service = message.service
        alert.title = signal.title or alert.title or self.group.problem[:500]
        alert.description, alert.labels, alert.details = signal.description, signal.labels, signal.details
        alert.links = [{"href": link.href, "text": link.text} for link in signal.links]
        alert.starts_at, alert.ends_at, alert.expires_at = signal.starts_at, None, signal.expires_at
        alert.resolved_at = None
        if message.reading is not None:
            alert.severity = message.reading.severity

    # ---- It goes on, or is over ------------------------------------------------------------------------------------

    def _repeat(self, alert: Alert, message: Message) -> None:
        """It still fires, which is news where its incident is over."""
        signal = message.signal
        alert.expires_at = signal.expires_at
        self.is_repeated = True
        has_times = signal.starts_at is not None
        if alert is self.linked.get(signal.fingerprint):
            if self.home is Home.LIVE or alert in self.fired or alert in self.again:
                self.occurrences += not has_times
            elif has_times:
                self._count_only(alert)
            else:
                self._fire(message)
        elif alert.incident_id is not None and has_times and self.incident and self.incident.withdrawn_at is not None:
            self._count(alert)
            self._count_only(alert)
        else:
            self._fire(message)

    def _count_only(self, alert: Alert) -> None:
        assert self.incident is not None
        self.rulings.append(wording.counted_only(self.incident, alert, self.rule.rejoin_minutes))

    def _resolve(self, alert: Alert, signal: Signal) -> None:
        alert.status, alert.resolved_at = AlertStatus.RESOLVED, self.now
        alert.ends_at, alert.expires_at = signal.ends_at, None
        self._keep(alert)
        if alert is self.linked.get(signal.fingerprint):
            self.resolved.append(alert)
        self.rulings.append(wording.over(alert))

    def _ignore(self, effect: Effect, message: Message, alert: Alert | None) -> None:
        signal = message.signal
        self.rulings.append(wording.ignored(effect, signal, alert))
        if alert is None and signal.step is Step.RESOLVE and signal.starts_at is not None:
            # Remembered, so that its beginning is known for old when it comes late.
            row = self._row(message)
            row.status, row.resolved_at, row.ends_at = AlertStatus.RESOLVED, self.now, signal.ends_at
            row.firing_count = 0
            self.loose[row.fingerprint] = row
            self._keep(row)
