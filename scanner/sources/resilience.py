"""What stands between a source and its vendor: whose turn it is, what is tried again, when a vendor is left alone.

Policies and protocols. `gate` puts them together; the implementations that all processes share are in `db`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol, TypeVar

from scanner.errors import (
    InputError,
    MalformedAnswerError,
    RateLimitedError,
    SourceAuthError,
    SourceError,
    SourceSuspendedError,
    SourceUnavailableError,
)

Answer = TypeVar("Answer")

LONGEST_PAUSE_SECONDS: Final = 3600.0
"""However long a vendor asks to be left alone, after this time it is asked again: what it says may be nonsense."""


class Gate(Protocol):
    """The way every call of one source to its vendor takes. Shared by all threads of the source.

    `call` waits for the source's turn, sends, and may send again where the error is one that passes by itself; time
    spent waiting does not count towards the time limit of a call. `turn` is for a request a vendor's client makes on
    its own inside such a call (a cookie, a token).
    """

    def call(self, send: Callable[[], Answer], *, symbol: str | None) -> Answer:
        """The answer of `send`, or the `SourceError` it raised last. `send` must be safe to repeat."""
        ...

    def turn(self) -> float:
        """Wait until one more request may leave. Returns the seconds waited."""
        ...


class OpenGate:
    """Lets every call through at once, once: for sources without a vendor behind them, and for tests."""

    def call(self, send: Callable[[], Answer], *, symbol: str | None) -> Answer:  # noqa: ARG002 the protocol's
        return send()

    def turn(self) -> float:
        return 0.0


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A vendor's limit: at most `calls` in every window of `window_seconds`; `burst` of them may leave at once.

    After a burst calls leave every `interval_seconds`. A call may leave up to `late_seconds` after its turn, so in any
    window at most burst + (window + late) / interval calls leave: `calls`. Raises InputError where nothing is left
    between bursts.
    """

    calls: int
    window_seconds: float
    burst: int = 1
    late_seconds: float = 0.1

    def __post_init__(self) -> None:
        if not (0 < self.window_seconds < math.inf and 0 <= self.late_seconds < math.inf):
            raise InputError(f"a rate limit needs a window above zero, not {self.window_seconds} s")
        if not 1 <= self.burst < self.calls:
            raise InputError(f"of {self.calls} calls a window a burst takes 1 to {self.calls - 1}, not {self.burst}")

    @property
    def interval_seconds(self) -> float:
        return (self.window_seconds + self.late_seconds) / (self.calls - self.burst)

    @property
    def tolerance_seconds(self) -> float:
        """How far ahead of its regular time a call may leave."""
        return self.interval_seconds * (self.burst - 1)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """A call that fails for a while is sent at most `attempts` times in all, within `seconds` without waits for turns.

    The pause before attempt n + 1 lies between 0 and `first_pause_seconds` x 2^(n - 1) (full jitter).
    """

    attempts: int = 3
    seconds: float = 30.0
    first_pause_seconds: float = 0.5

    def pause_seconds(self, attempt: int, chance: float) -> float:
        """Before the attempt after `attempt`, with `chance` in [0, 1)."""
        return self.first_pause_seconds * 2.0 ** (attempt - 1) * chance


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """After `failures` in a row a vendor is left alone for `open_seconds`, doubled each time up to `most_seconds`.

    Then one call probes it, for at most `probe_seconds`; refused credentials open it at once, for `auth_seconds`.
    """

    failures: int = 5
    open_seconds: float = 30.0
    most_seconds: float = 900.0
    auth_seconds: float = 300.0
    probe_seconds: float = 60.0


PROBE_WAIT_SECONDS = 2.0
"""While a vendor is being probed, it is worth asking again after so long."""


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """How a source's calls are limited. `patience_seconds`: a turn further away is refused.

    `penalty_seconds`: how long everybody waits after a refusal for too many calls that names no time.
    """

    limit: RateLimit
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    patience_seconds: float = 120.0
    penalty_seconds: float = 10.0


class Outcome(StrEnum):
    """What a call says of its vendor. `LIMITED`: nothing; were it a probe, the next call is one."""

    ANSWER = "answer"
    FAILURE = "failure"
    AUTH = "auth"
    LIMITED = "limited"


def outcome(error: SourceError | None) -> Outcome:
    """An unknown symbol is an answer too. A refusal for too many calls is the limiter's business alone."""
    if isinstance(error, RateLimitedError):
        return Outcome.LIMITED
    if isinstance(error, SourceAuthError):
        return Outcome.AUTH
    failed = isinstance(error, SourceUnavailableError | MalformedAnswerError)
    return Outcome.FAILURE if failed else Outcome.ANSWER


def worth_repeating(error: SourceError) -> bool:
    """Whether the same call may succeed at once: the vendor was not reached, or its server failed."""
    return isinstance(error, SourceUnavailableError) and not isinstance(error, SourceSuspendedError)


class Limiter(Protocol):
    """Hands out turns of one source and credential, first come first served."""

    def reserve(self, *, patience_seconds: float) -> tuple[float, bool]:
        """Seconds until the next turn, and whether it is taken: not where that is longer than the patience."""
        ...

    def postpone(self, seconds: float) -> None:
        """Let nobody's next turn come sooner than `seconds` from now, `LONGEST_PAUSE_SECONDS` at most.

        Turns given out already stay.
        """
        ...


class Breaker(Protocol):
    """Whether a vendor is called at all."""

    def suspended_seconds(self) -> float:
        """0.0: call now (after an outage this is the one probe). Else the seconds until it is worth asking again.

        A thread that is the probe may ask again, and is it from then on.
        """
        ...

    def report(self, outcome: Outcome, error: SourceError | None) -> None:
        """How a call ended, in the thread that was let through. LIMITED also where it got no turn: it was no probe."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One call for the account. `error_class` None: an answer. Seconds waiting for the turn are not in `seconds`."""

    source: str
    error_class: str | None
    seconds: float
    waited_seconds: float
