from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from scanner.errors import (
    NoOptionsError,
    RateLimitedError,
    SourceError,
    SourceSuspendedError,
    SourceTimeoutError,
    SourceUnavailableError,
)
from scanner.sources.gate import MemoryVault, PolicedGate, local_gate
from scanner.sources.resilience import Call, GatePolicy, Outcome, RateLimit, RetryPolicy

LIMIT = RateLimit(100, 1.0, burst=50)


@dataclass
class Limiter:
    waits: list[float] = field(default_factory=list)
    refuses: bool = False
    turns: int = 0
    postponed: list[float] = field(default_factory=list)

    def reserve(self, *, patience_seconds: float) -> tuple[float, bool]:
        self.turns += 1
        return (self.waits.pop(0) if self.waits else 0.0), not self.refuses

    def postpone(self, seconds: float) -> None:
        self.postponed.append(seconds)


@dataclass
class Breaker:
    suspended: float = 0.0
    outcomes: list[Outcome] = field(default_factory=list)

    def suspended_seconds(self) -> float:
        return self.suspended

    def report(self, outcome: Outcome, error: SourceError | None) -> None:
        self.outcomes.append(outcome)


@dataclass
class Bench:
    """A gate with everything around it in the hands of the test; time passes by sleeping and by `cost` a call."""

    policy: GatePolicy = field(default_factory=lambda: GatePolicy(LIMIT))
    limiter: Limiter = field(default_factory=Limiter)
    breaker: Breaker = field(default_factory=Breaker)
    calls: list[Call] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    now: float = 0.0
    cost: float = 0.25
    sent: int = 0

    def gate(self) -> PolicedGate:
        return PolicedGate(
            "yahoo",
            self.policy,
            limiter=self.limiter,
            breaker=self.breaker,
            account=self.calls.append,
            chance=lambda: 0.5,
            monotonic=lambda: self.now,
            sleep=self._sleep,
        )

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def ask(self, *errors: SourceError) -> str:
        """Call a vendor that fails with these errors, one a time, and then answers."""
        left = list(errors)

        def send() -> str:
            self.sent += 1
            self.now += self.cost
            if left:
                raise left.pop(0)
            return "answer"

        return self.gate().call(send, symbol="KO")


DOWN = SourceUnavailableError("yahoo", "KO", "HTTP 500")
LATE = SourceTimeoutError("yahoo", "KO", "late")


def test_an_answer_passes_and_is_accounted_for() -> None:
    bench = Bench(limiter=Limiter(waits=[1.5]))
    assert bench.ask() == "answer"
    assert bench.calls == [Call("yahoo", None, 0.25, 1.5)]
    assert (bench.slept, bench.breaker.outcomes) == ([1.5], [Outcome.ANSWER])


def test_what_passes_by_itself_is_tried_again_with_pauses_that_grow() -> None:
    bench = Bench()
    assert bench.ask(DOWN, LATE) == "answer"
    assert bench.slept == [0.25, 0.5]
    assert bench.limiter.turns == 3
    assert [call.error_class for call in bench.calls] == ["SourceUnavailableError", "SourceTimeoutError", None]


def test_attempts_are_bounded() -> None:
    bench = Bench()
    with pytest.raises(SourceTimeoutError):
        bench.ask(DOWN, DOWN, LATE, DOWN)
    assert bench.sent == 3


def test_seconds_are_bounded() -> None:
    bench = Bench(policy=GatePolicy(LIMIT, RetryPolicy(attempts=100, seconds=30.0)), cost=20.0)
    with pytest.raises(SourceUnavailableError):
        bench.ask(*[DOWN] * 100)
    assert bench.sent == 2


@pytest.mark.parametrize(
    "error", [NoOptionsError("yahoo", "KO", "none"), RateLimitedError("yahoo", "KO", "many", 40.0)]
)
def test_other_errors_are_not_tried_again(error: SourceError) -> None:
    bench = Bench()
    with pytest.raises(type(error)):
        bench.ask(error)
    assert bench.sent == 1


@pytest.mark.parametrize(("retry_after", "seconds"), [(40.0, 40.0), (None, 10.0)])
def test_too_many_calls_moves_everybodys_next_turn(retry_after: float | None, seconds: float) -> None:
    bench = Bench()
    with pytest.raises(RateLimitedError):
        bench.ask(RateLimitedError("yahoo", "KO", "many", retry_after))
    assert bench.limiter.postponed == [seconds]
    assert bench.breaker.outcomes == [Outcome.LIMITED]


def test_a_vendor_that_is_left_alone_is_not_called() -> None:
    bench = Bench(breaker=Breaker(suspended=12.0))
    with pytest.raises(SourceSuspendedError) as caught:
        bench.ask()
    assert caught.value.retry_after_seconds == 12.0
    assert (bench.sent, bench.limiter.turns, bench.calls) == (0, 0, [])


def test_a_turn_beyond_patience_is_an_error_that_says_when() -> None:
    bench = Bench(limiter=Limiter(waits=[300.0], refuses=True))
    with pytest.raises(RateLimitedError) as caught:
        bench.ask()
    assert caught.value.retry_after_seconds == 300.0
    assert (bench.sent, bench.slept) == (0, [])


def test_a_fault_of_the_program_is_neither_tried_again_nor_blamed_on_the_vendor() -> None:
    bench = Bench()

    def broken() -> str:
        raise KeyError("x")

    with pytest.raises(KeyError):
        bench.gate().call(broken, symbol="KO")
    assert bench.breaker.outcomes == [Outcome.LIMITED]


def test_a_gate_for_a_notebook_needs_no_database() -> None:
    gate = local_gate("yahoo", GatePolicy(LIMIT), chance=lambda: 0.0)
    assert gate.call(lambda: 7, symbol=None) == 7
    assert gate.turn() == 0.0


def test_a_vault_in_memory() -> None:
    vault = MemoryVault()
    assert vault.get("token") is None
    with vault.locked("token"):
        vault.put("token", "x")
    assert vault.get("token") == "x"
