"""What happens between asking for a turn and sending: waits, turns that come too late, vendors that fail meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from scanner.errors import RateLimitedError, SourceError, SourceSuspendedError, SourceUnavailableError
from scanner.sources.gate import TURNS, LocalLimiter, PolicedGate
from scanner.sources.resilience import (
    LONGEST_PAUSE_SECONDS,
    Call,
    GatePolicy,
    Outcome,
    RateLimit,
    RetryPolicy,
)

LIMIT = RateLimit(100, 1.0, burst=50, late_seconds=0.1)
DOWN = SourceUnavailableError("yahoo", "KO", "HTTP 500")


@dataclass
class Bench:
    """A gate on a clock of the test's: a wait takes `oversleep` longer for each entry of that list."""

    waits: list[float] = field(default_factory=list)
    oversleep: list[float] = field(default_factory=list)
    suspended: list[float] = field(default_factory=list)
    refuses: bool = False
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    now: float = 0.0
    turns: int = 0
    calls: list[Call] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    def reserve(self, *, patience_seconds: float) -> tuple[float, bool]:
        self.turns += 1
        return (self.waits.pop(0) if self.waits else 0.0), not self.refuses

    def postpone(self, seconds: float) -> None:
        raise AssertionError("no vendor refused anything here")

    def suspended_seconds(self) -> float:
        return self.suspended.pop(0) if self.suspended else 0.0

    def report(self, outcome: Outcome, error: SourceError | None) -> None:
        self.outcomes.append(outcome)

    def sleep(self, seconds: float) -> None:
        self.now += seconds + (self.oversleep.pop(0) if self.oversleep else 0.0)

    def gate(self) -> PolicedGate:
        return PolicedGate(
            "yahoo",
            GatePolicy(LIMIT, self.retry),
            limiter=self,
            breaker=self,
            account=self.calls.append,
            chance=lambda: 0.0,
            monotonic=lambda: self.now,
            sleep=self.sleep,
        )


def test_a_turn_that_passed_while_the_process_stood_still_is_given_up() -> None:
    """A machine that slept for ten minutes does not send all at once what was waiting on it."""
    bench = Bench(waits=[5.0, 0.5], oversleep=[600.0])
    assert bench.gate().call(lambda: bench.now, symbol="KO") == 605.5
    assert bench.turns == 2
    assert bench.calls == [Call("yahoo", None, 0.0, 605.5)]


def test_a_turn_used_somewhat_late_is_good() -> None:
    bench = Bench(waits=[5.0], oversleep=[0.09])
    bench.gate().call(lambda: None, symbol="KO")
    assert bench.turns == 1


def test_a_machine_that_is_always_late_still_gets_to_call() -> None:
    bench = Bench(waits=[1.0] * 10, oversleep=[1.0] * 10)
    bench.gate().call(lambda: None, symbol="KO")
    assert bench.turns == TURNS


def test_who_waited_for_a_turn_does_not_call_a_vendor_left_alone_meanwhile() -> None:
    bench = Bench(waits=[2.0], suspended=[0.0, 30.0])
    with pytest.raises(SourceSuspendedError) as caught:
        bench.gate().call(lambda: None, symbol="KO")
    assert (caught.value.retry_after_seconds, bench.calls) == (30.0, [])


def test_a_probe_without_a_turn_leaves_the_probe_to_others() -> None:
    bench = Bench(waits=[300.0], refuses=True)
    with pytest.raises(RateLimitedError):
        bench.gate().call(lambda: None, symbol="KO")
    assert bench.outcomes == [Outcome.LIMITED]


def test_waits_for_turns_do_not_use_up_the_seconds_of_the_retry() -> None:
    bench = Bench(waits=[40.0, 40.0, 40.0], retry=RetryPolicy(attempts=3, seconds=30.0))
    errors = [DOWN, DOWN]

    def send() -> str:
        bench.now += 5.0
        if errors:
            raise errors.pop()
        return "answer"

    assert bench.gate().call(send, symbol="KO") == "answer"
    assert [(call.seconds, call.waited_seconds) for call in bench.calls] == [(5.0, 40.0)] * 3


def test_waits_inside_a_call_are_waits_and_no_latency() -> None:
    """A vendor's client fetches a cookie first, which takes a turn of its own."""
    bench = Bench(waits=[1.0, 3.0])
    gate = bench.gate()

    def send() -> float:
        bench.now += 0.25
        waited = gate.turn()
        bench.now += 0.5
        return waited

    assert gate.call(send, symbol="KO") == 3.0
    assert bench.calls == [Call("yahoo", None, 0.75, 4.0)]


@pytest.mark.parametrize("seconds", [float("inf"), 1e12, LONGEST_PAUSE_SECONDS])
def test_no_vendor_can_ask_for_more_than_an_hour(seconds: float) -> None:
    """A Retry-After of 400 digits is infinite as a number: the source would never be asked again."""
    limiter = LocalLimiter(LIMIT, monotonic=lambda: 1_000.0)
    limiter.postpone(seconds)
    wait, taken = limiter.reserve(patience_seconds=2 * LONGEST_PAUSE_SECONDS)
    assert taken
    assert wait == pytest.approx(3_600.0)
