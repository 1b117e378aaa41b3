"""The rate limit and the circuit breaker of each channel; parts of claiming and finishing a delivery."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from notifications.channels.base import ChannelKind, Outcome, Result
from notifications.models import Delivery, Lane

# After so many failures in a row, across incidents, a channel rests; each further one doubles the rest.
BREAKS_AT = 5
FIRST_REST = timedelta(seconds=15)
LONGEST_REST = timedelta(minutes=5)


def lane_admit(channel_id: UUID, kind: ChannelKind, now: datetime, *, probe_for: timedelta) -> datetime | None:
    """Takes one message's share of the rate, and returns None; or returns when to ask again.

    After a rest one message goes first; the others wait for what becomes of it, at most ``probe_for``.
    """
    lane = _locked(channel_id)
    if lane.rests_until is not None and lane.rests_until > now:
        return lane.rests_until
    tokens = _tokens(lane, kind, now)
    if tokens < 1:
        return now + timedelta(seconds=(1 - tokens) / kind.rate_per_second)
    lane.tokens, lane.tokens_at = tokens - 1, now
    if lane.failures >= BREAKS_AT:
        lane.rests_until = now + probe_for
    lane.save(update_fields=["tokens", "tokens_at", "rests_until"])
    return None


def lane_record(channel_id: UUID, result: Result, now: datetime) -> None:
    """Keeps what an attempt says of the channel. A message that is refused for good is an answer: the channel works."""
    lane = _locked(channel_id)
    if result.outcome is Outcome.RETRY:
        lane.failures += 1
        rest = timedelta(seconds=result.retry_after_seconds or 0)
        if lane.failures >= BREAKS_AT:
            rest = max(rest, min(FIRST_REST * 2 ** min(lane.failures - BREAKS_AT, 20), LONGEST_REST))
        if rest:
            lane.rests_until = now + rest
        lane.save(update_fields=["failures", "rests_until"])
        return
    if not lane.failures and lane.rests_until is None:
        return
    lane.failures, lane.rests_until = 0, None
    lane.save(update_fields=["failures", "rests_until"])
    # What only waited for the channel need not wait any longer; what failed itself keeps its own back-off.
    waiting = Delivery.objects.filter(channel=channel_id, state=Delivery.State.PENDING, tries=0, lease_until=None)
    waiting.filter(next_attempt_at__gt=now).update(next_attempt_at=now)


def _tokens(lane: Lane, kind: ChannelKind, now: datetime) -> float:
    if lane.tokens is None or lane.tokens_at is None:
        return float(kind.burst)
    passed = max(0.0, (now - lane.tokens_at).total_seconds())
    return min(float(kind.burst), lane.tokens + passed * kind.rate_per_second)


def _locked(channel_id: UUID) -> Lane:
    Lane.objects.get_or_create(channel_id=channel_id)
    return Lane.objects.select_for_update(no_key=True).get(channel=channel_id)
