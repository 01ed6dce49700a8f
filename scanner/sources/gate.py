"""The gate that puts a source's policies together, and what it needs in a single process, such as a notebook."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from scanner.errors import DatabaseError, RateLimitedError, SourceError, SourceSuspendedError
from scanner.sources.resilience import (
    LONGEST_PAUSE_SECONDS,
    Answer,
    Breaker,
    Call,
    GatePolicy,
    Limiter,
    Outcome,
    RateLimit,
    outcome,
    worth_repeating,
)

TURNS: Final = 3
"""A turn that came and went before it could be used is given up for another, so many are taken for a call at most."""


class _Waits(threading.local):
    """Seconds this thread has waited for turns."""

    seconds = 0.0


class PolicedGate:
    """The gate of one source: breaker, retry, limiter, account, in this order.

    `account` is told of every call; `chance` gives numbers in [0, 1). A database that fails after a call was sent costs
    neither the answer nor the vendor's error: what it should have kept is lost.
    """

    def __init__(
        self,
        source: str,
        policy: GatePolicy,
        *,
        limiter: Limiter,
        breaker: Breaker,
        account: Callable[[Call], None],
        chance: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._source = source
        self._policy = policy
        self._limiter = limiter
        self._breaker = breaker
        self._account = account
        self._chance = chance
        self._monotonic = monotonic
        self._sleep = sleep
        self._waits = _Waits()

    def call(self, send: Callable[[], Answer], *, symbol: str | None) -> Answer:
        """See `Gate`. Raises SourceSuspendedError without sending while the vendor is left alone."""
        retry = self._policy.retry
        deadline = self._working() + retry.seconds
        attempt = 1
        while True:
            try:
                return self._once(send, symbol)
            except SourceError as error:
                pause = retry.pause_seconds(attempt, self._chance())
                late = self._working() + pause > deadline
                if not worth_repeating(error) or attempt >= retry.attempts or late:
                    raise
                self._sleep(pause)
                attempt += 1

    def turn(self) -> float:
        """See `Gate`. Raises RateLimitedError where the turn is further away than the patience."""
        return self._turn(None)

    def _once(self, send: Callable[[], Answer], symbol: str | None) -> Answer:
        waited_before = self._waits.seconds
        self._admit(symbol)
        began = self._working()
        try:
            answer = send()
        except SourceError as error:
            self._report(error, self._working() - began, self._waits.seconds - waited_before)
            raise
        except BaseException:
            self._leave()
            raise
        self._report(None, self._working() - began, self._waits.seconds - waited_before)
        return answer

    def _working(self) -> float:
        """A clock of this thread that stands still while it waits for turns."""
        return self._monotonic() - self._waits.seconds

    def _admit(self, symbol: str | None) -> None:
        self._refuse_while_suspended(symbol)
        try:
            waited = self._turn(symbol)
        except BaseException:
            self._leave()
            raise
        if waited > 0:
            self._refuse_while_suspended(symbol)

    def _leave(self) -> None:
        """Whoever was let through and asked nothing is not the probe any more."""
        with suppress(DatabaseError):
            self._breaker.report(Outcome.LIMITED, None)

    def _refuse_while_suspended(self, symbol: str | None) -> None:
        suspended = self._breaker.suspended_seconds()
        if suspended > 0:
            raise SourceSuspendedError(self._source, symbol, suspended)

    def _turn(self, symbol: str | None) -> float:
        began, slept = self._monotonic(), False
        for _ in range(TURNS):
            asked = self._monotonic()
            seconds, taken = self._limiter.reserve(patience_seconds=self._policy.patience_seconds)
            if not taken:
                detail = f"the next call is due in {seconds:.0f} s"
                raise RateLimitedError(self._source, symbol, detail, retry_after_seconds=seconds)
            if seconds > 0:
                self._sleep(seconds)
                slept = True
            if self._monotonic() - asked - seconds <= self._policy.limit.late_seconds:
                break
        waited = self._monotonic() - began if slept else 0.0
        self._waits.seconds += waited
        return waited

    def _report(self, error: SourceError | None, seconds: float, waited: float) -> None:
        with suppress(DatabaseError):
            if isinstance(error, RateLimitedError):
                self._limiter.postpone(error.retry_after_seconds or self._policy.penalty_seconds)
            self._breaker.report(outcome(error), error)
        with suppress(DatabaseError):
            self._account(Call(self._source, None if error is None else type(error).__name__, seconds, waited))


_NEVER: Final = float("-inf")


class LocalLimiter:
    """The limiter of one process."""

    def __init__(self, limit: RateLimit, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._due = _NEVER
        """When the next call would leave in regular steps: GCRA's theoretical arrival time."""

    def reserve(self, *, patience_seconds: float) -> tuple[float, bool]:
        with self._lock:
            now = self._monotonic()
            due = max(self._due, now)
            seconds = max(0.0, due - self._limit.tolerance_seconds - now)
            if seconds > patience_seconds:
                return seconds, False
            self._due = due + self._limit.interval_seconds
            return seconds, True

    def postpone(self, seconds: float) -> None:
        with self._lock:
            pause = min(seconds, LONGEST_PAUSE_SECONDS)
            self._due = max(self._due, self._monotonic() + pause + self._limit.tolerance_seconds)


class NoBreaker:
    """Never leaves a vendor alone: for a single process, which sees every failure itself."""

    def suspended_seconds(self) -> float:
        return 0.0

    def report(self, outcome: Outcome, error: SourceError | None) -> None:
        """Nothing is kept."""


def local_gate(source: str, policy: GatePolicy, *, chance: Callable[[], float]) -> PolicedGate:
    """A gate for one process without a database. It keeps no account."""
    limiter = LocalLimiter(policy.limit)
    return PolicedGate(source, policy, limiter=limiter, breaker=NoBreaker(), account=_forget, chance=chance)


def _forget(call: Call) -> None:
    """Nothing is kept."""


class MemoryVault:
    """What a source must remember, for as long as the process lives."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def get(self, name: str) -> str | None:
        return self._values.get(name)

    def put(self, name: str, value: str) -> None:
        self._values[name] = value

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        with self._locks[name]:
            yield
