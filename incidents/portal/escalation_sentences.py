"""Escalation in sentences of the timeline."""

from __future__ import annotations

from typing import Any

from audit.messages import Names

Data = dict[str, Any]

_CAUSES = {
    "opened": "",
    "recurred": " because the problem is back",
    "reopened": " because the incident was reopened",
    "unmerged": " because the incident stands by itself again",
    "acknowledgement_timed_out": " again",
    "by_hand": "",
}
_ENDS = {
    "acknowledged": "someone has it",
    "resolved": "the incident is resolved",
    "withdrawn": "the incident is withdrawn",
    "merged": "the incident lives on in another",
}


def started(who: str, data: Data, names: Names) -> str:
    if data["cause"] == "by_hand":
        ended = f"; {names.person(data['acknowledgement_of'])} has it no more" if "acknowledgement_of" in data else ""
        return f"{who} escalated by “{data['policy']}”{ended}"
    return f"People are told by “{data['policy']}”{_CAUSES[data['cause']]}"


def escalated(who: str, data: Data, names: Names) -> str:
    told = recipients(data, names)
    if data["policy"] is None:
        return f"{who} called {told}"
    if data["level"] == 0:
        return f"No step of “{data['policy']}” found anybody: {told} were told instead"
    return f"{_step(data)}: {told} {'was' if _is_one(data) else 'were'} told{_urgency(data)}"


def nobody_reachable(who: str, data: Data, names: Names) -> str:
    reasons = "; ".join(f"{each['name']} {each['reason']}" for each in data["targets"])
    return f"{_step(data)} reached nobody: {reasons}"


def exhausted(who: str, data: Data, names: Names) -> str:
    return f"“{data['policy']}” is exhausted and nobody has the incident: {recipients(data, names)} were told"


def stopped(who: str, data: Data, names: Names) -> str:
    return f"Nobody else is told: {_ENDS.get(data['because'], data['because'])}"


def timed_out(who: str, data: Data, names: Names) -> str:
    by = names.person(data["acknowledged_by"]) if data["acknowledged_by"] else "someone"
    return f"The acknowledgement by {by} lapsed: nothing happened for {data['after_minutes']} min"


def responders_added(who: str, data: Data, names: Names) -> str:
    return f"{who} asked {recipients(data, names)} to help"


def recipients(data: Data, names: Names) -> str:
    """“Ada Lovelace, Bob Stone and the channel Payments”."""
    told = [names.person(user_id) for user_id in data["people"]]
    told += [f"the channel {channel['name']}" for channel in data["channels"]]
    if len(told) < 2:
        return "".join(told)
    return f"{', '.join(told[:-1])} and {told[-1]}"


def _is_one(data: Data) -> bool:
    return len(data["people"]) + len(data["channels"]) == 1


def _step(data: Data) -> str:
    again = f", round {data['round']}" if data["round"] > 1 else ""
    return f"Step {data['level']} of {data['levels']}{again}"


def _urgency(data: Data) -> str:
    return "" if data["urgency"] == "high" else ", without urgency"
