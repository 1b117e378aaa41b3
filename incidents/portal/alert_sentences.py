"""What the timeline says about alerts of other systems."""

from __future__ import annotations

from typing import Any

from audit.messages import Names

Data = dict[str, Any]
SENDERS = {
    "alertmanager": "Alertmanager",
    "pagerduty": "the Events API",
    "opsgenie": "the Alert API",
    "generic": "the alert webhook",
    "heartbeat": "a heartbeat",
}


def opened(who: str, data: Data) -> str:
    return f"{who} opened the incident: {_alerts(data['alerts'])} by {SENDERS[data['alerts_from']]}"


def linked(who: str, data: Data, names: Names) -> str:
    belong = "one belongs" if data["alert_count"] == 1 else f"{data['alert_count']} belong"
    return f"{_alerts(data['alerts']).capitalize()} joined{_quoted(data)}; {belong} to it"


def resolved(who: str, data: Data, names: Names) -> str:
    still = "one still fires" if data["firing"] == 1 else f"{data['firing']} still fire"
    return (
        f"{_alerts(data['alerts']).capitalize()} ended{_quoted(data)}; {still if data['firing'] else 'none fires now'}"
    )


def _alerts(count: int) -> str:
    return "an alert" if count == 1 else f"{count} alerts"


def _quoted(data: Data) -> str:
    titles = data["titles"]
    more = ", …" if data["alerts"] > len(titles) else ""
    return f" ({', '.join(f'“{title}”' for title in titles)}{more})" if titles else ""
