"""The sliding window, against the definition written out in full."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from detection.rules.threshold import Breach, Threshold, breaches, newest_breach

START = datetime(2026, 1, 1, tzinfo=UTC)
offsets = st.lists(st.integers(0, 300), max_size=40).map(sorted)
thresholds = st.builds(
    Threshold, count=st.integers(0, 6), window=st.integers(1, 90).map(lambda seconds: timedelta(seconds=seconds))
)


def moments(seconds):
    return [START + timedelta(seconds=second) for second in seconds]


def is_exceeded(times, threshold):
    """The definition: some half-open window that begins at a log holds more than ``count``."""
    return any(sum(1 for t in times if start <= t < start + threshold.window) > threshold.count for start in times)


@given(offsets, thresholds)
def test_a_breach_is_found_exactly_where_there_is_one(seconds, threshold):
    times = moments(seconds)
    breach = newest_breach(times[::-1], threshold)
    assert (breach is not None) == is_exceeded(times, threshold)
    assert bool(breaches(times, threshold)) == is_exceeded(times, threshold)
    if breach is not None:
        assert breach.last - breach.first < threshold.window
        inside = [t for t in times if breach.first <= t <= breach.last]
        assert len(inside) >= threshold.needed


@given(offsets, thresholds)
def test_the_newest_breach_is_the_newest(seconds, threshold):
    times = moments(seconds)
    breach = newest_breach(times[::-1], threshold)
    if breach is not None:
        assert breach.last == breaches(times, threshold)[-1].last
        later = times[times.index(breach.last) + 1 :]
        after = [t for t in times if t > breach.last - threshold.window]
        assert not later or not any(
            sum(1 for t in after if last - threshold.window < t <= last) > threshold.count
            for last in later
            if last > breach.last
        )


@given(offsets, thresholds, st.integers(-10_000, 10_000))
def test_only_distances_matter(seconds, threshold, shift):
    moved = [t + timedelta(seconds=shift) for t in moments(seconds)]
    here, there = newest_breach(moments(seconds)[::-1], threshold), newest_breach(moved[::-1], threshold)
    assert (here is None) == (there is None)


def test_six_in_just_under_a_minute_are_more_than_five():
    threshold = Threshold(count=5, window=timedelta(seconds=60))
    assert newest_breach(moments([0, 12, 24, 36, 48, 59])[::-1], threshold) == Breach(*moments([0, 59]))


def test_a_steady_five_a_minute_never_makes_six():
    threshold = Threshold(count=5, window=timedelta(seconds=60))
    assert newest_breach(moments(range(0, 3600, 12))[::-1], threshold) is None


def test_five_are_not_more_than_five():
    threshold = Threshold(count=5, window=timedelta(seconds=60))
    assert newest_breach(moments([0] * 5), threshold) is None
    assert newest_breach(moments([0] * 6), threshold) == Breach(START, START)
