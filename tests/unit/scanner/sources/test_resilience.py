from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.errors import (
    InputError,
    MalformedAnswerError,
    NoOptionsError,
    RateLimitedError,
    SourceAuthError,
    SourceError,
    SourceSuspendedError,
    SourceTimeoutError,
    SourceUnavailableError,
    SymbolNotFoundError,
)
from scanner.sources.gate import LocalLimiter
from scanner.sources.resilience import Outcome, RateLimit, RetryPolicy, outcome, worth_repeating

LIMITS = st.builds(
    lambda calls, share, window, late: RateLimit(calls, window, max(1, math.floor(share * (calls - 1))), late),
    st.integers(2, 40),
    st.floats(0, 1),
    st.sampled_from([1.0, 10.0, 60.0]),
    st.sampled_from([0.0, 0.1, 0.5]),
)


class Time:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def busiest(departures: list[float], window: float) -> int:
    """The most departures in any window of this length, counted at every departure."""
    return max(sum(1 for other in departures if start <= other < start + window) for start in departures)


@given(LIMITS, st.lists(st.floats(0, 20), min_size=1, max_size=80), st.randoms())
def test_no_window_holds_more_calls_than_the_vendor_allows(limit: RateLimit, gaps: list[float], random: object) -> None:
    """Whenever callers come, and although each may leave up to `late_seconds` after its turn."""
    clock = Time()
    limiter = LocalLimiter(limit, monotonic=clock)
    departures = []
    for number, gap in enumerate(gaps):
        clock.now += gap if number % 3 else 0.0
        seconds, taken = limiter.reserve(patience_seconds=math.inf)
        assert taken
        late = limit.late_seconds * ((number * 7919) % 11) / 10.0
        departures.append(clock.now + seconds + late)
    assert busiest(sorted(departures), limit.window_seconds * (1 - 1e-9)) <= limit.calls


@given(LIMITS)
def test_a_burst_leaves_at_once_and_the_rest_at_the_steady_rate(limit: RateLimit) -> None:
    clock = Time()
    limiter = LocalLimiter(limit, monotonic=clock)
    waits = [limiter.reserve(patience_seconds=math.inf)[0] for _ in range(limit.burst + 5)]
    assert waits[: limit.burst] == pytest.approx([0.0] * limit.burst, abs=1e-6)
    later = [limit.interval_seconds * (number + 1) for number in range(5)]
    assert waits[limit.burst :] == pytest.approx(later, rel=1e-6, abs=1e-6)


def test_a_worked_example() -> None:
    """120 a minute with a burst of 20: one every 60 / 100 s afterwards, where nobody is late."""
    limit = RateLimit(120, 60.0, burst=20, late_seconds=0.0)
    assert limit.interval_seconds == pytest.approx(0.6)
    assert limit.tolerance_seconds == pytest.approx(11.4)


@pytest.mark.parametrize(
    ("calls", "window", "burst", "late"),
    [(5, 0.0, 1, 0.1), (5, -1.0, 1, 0.1), (5, 1.0, 5, 0.1), (5, 1.0, 0, 0.1), (1, 1.0, 1, 0.1), (5, 1.0, 1, -0.1)],
)
def test_a_limit_without_room_is_refused(calls: int, window: float, burst: int, late: float) -> None:
    with pytest.raises(InputError):
        RateLimit(calls, window, burst, late)


def test_a_turn_too_far_away_is_not_taken() -> None:
    clock = Time()
    limiter = LocalLimiter(RateLimit(2, 10.0, late_seconds=0.0), monotonic=clock)
    assert limiter.reserve(patience_seconds=5.0) == (0.0, True)
    assert limiter.reserve(patience_seconds=5.0) == (10.0, False)
    assert limiter.reserve(patience_seconds=5.0) == (10.0, False)
    clock.now += 5.0
    assert limiter.reserve(patience_seconds=5.0) == (5.0, True)


def test_a_wish_to_be_left_alone_moves_the_next_turn_and_never_forwards() -> None:
    clock = Time()
    limiter = LocalLimiter(RateLimit(60, 60.0, burst=10), monotonic=clock)
    limiter.postpone(30.0)
    limiter.postpone(1.0)
    assert limiter.reserve(patience_seconds=math.inf)[0] == pytest.approx(30.0)


@pytest.mark.parametrize(
    ("error", "meaning", "again"),
    [
        (None, Outcome.ANSWER, False),
        (SymbolNotFoundError("a", "KO", "no"), Outcome.ANSWER, False),
        (NoOptionsError("a", "KO", "no"), Outcome.ANSWER, False),
        (RateLimitedError("a", "KO", "no"), Outcome.LIMITED, False),
        (SourceAuthError("a", "KO", "no"), Outcome.AUTH, False),
        (MalformedAnswerError("a", "KO", "no"), Outcome.FAILURE, False),
        (SourceUnavailableError("a", "KO", "no"), Outcome.FAILURE, True),
        (SourceTimeoutError("a", "KO", "no"), Outcome.FAILURE, True),
        (SourceSuspendedError("a", "KO", 9.0), Outcome.FAILURE, False),
    ],
)
def test_what_an_error_says_of_its_vendor(error: SourceError | None, meaning: Outcome, again: bool) -> None:
    assert outcome(error) is meaning
    assert error is None or worth_repeating(error) is again


@given(st.integers(1, 8), st.floats(0, 1, exclude_max=True))
def test_pauses_have_full_jitter_up_to_a_bound_that_doubles(attempt: int, chance: float) -> None:
    policy = RetryPolicy(first_pause_seconds=0.5)
    assert 0.0 <= policy.pause_seconds(attempt, chance) < 0.5 * 2 ** (attempt - 1)
