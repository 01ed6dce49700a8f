"""One symbol of a run: claim it, let somebody do it, and see what becomes of a failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from db import run_symbols
from db.engine import Database
from scanner.errors import (
    AllSourcesFailedError,
    DatabaseError,
    DatabaseUnreachableError,
    RateLimitedError,
    ScannerError,
    SourceAuthError,
    SourceError,
    SourceSuspendedError,
    SourceUnavailableError,
    SupersededError,
)
from scanner.sources.resilience import PROBE_WAIT_SECONDS

MAX_ATTEMPTS: Final = 4
"""Attempts at a symbol whose source fails for a while."""

MAX_CLAIMS: Final = 10
"""Claims of a symbol at most, attempts cut short by the death of a worker included."""

DOWN_AFTER: Final = 8
"""After this many unanswered calls in a row the source is down: symbols fail at once and are not tried again, so that
a run without a network ends soon. The first answer ends that."""

WAIT_SECONDS: Final = (2.0, 6.0, 15.0)
"""Before the second, third and fourth attempt; a quarter more or less by chance."""

LONGEST_SUSPENSION_SECONDS: Final = 45.0
"""Nobody waits for a source that is left alone for longer: it has failed again after a first pause, or refuses its
credentials."""

RATE_LIMIT_SECONDS: Final = 30.0
LONGEST_WAIT_SECONDS: Final = 300.0


class SymbolWork(Protocol):
    """Does one claimed symbol and sets it to succeeded, in one transaction. Raises a `ScannerError` otherwise."""

    def __call__(self, run_id: int, symbol: str, attempt: int) -> None: ...


class FinishRun(Protocol):
    """Ends the run if nothing of it is open."""

    def __call__(self, connection: Any, run_id: int, *, now: datetime) -> bool: ...


@dataclass(frozen=True, slots=True)
class AttemptContext:
    """What attempts need, whatever is attempted.

    `chance` gives numbers in [0, 1). `worker` names this process. `redact` takes secrets out of a text that is kept.
    """

    database: Database
    clock: Callable[[], datetime]
    chance: Callable[[], float]
    worker: str
    redact: Callable[[str], str]


class SymbolAttempts:
    """Attempts symbols of runs. Shared by the threads of a worker."""

    def __init__(self, *, work: SymbolWork, finish: FinishRun, context: AttemptContext) -> None:
        self._work = work
        self._finish_run = finish
        self._database = context.database
        self._clock = context.clock
        self._chance = context.chance
        self._worker = context.worker
        self._redact = context.redact
        self._unanswered = 0
        self._counted_run = 0

    def run(self, run_id: int, symbol: str) -> float | None:
        """Do the symbol. Returns None when it is done (well or badly), else the seconds until the next attempt.

        Raises DatabaseError: the symbol is still open then, call again.
        """
        with self._database.connection() as connection:
            attempt = run_symbols.claim(connection, run_id, symbol, worker=self._worker, now=self._clock())
        if attempt is None:
            self._finish(run_id)
            return None
        return self._attempt(run_id, symbol, attempt)

    def _attempt(self, run_id: int, symbol: str, attempt: int) -> float | None:
        if attempt > MAX_CLAIMS:
            self._fail(run_id, symbol, attempt, "ScannerError", f"given up: workers died over it {attempt - 1} times")
            return None
        try:
            self._work(run_id, symbol, attempt)
            self._unanswered = 0
        except SourceError as error:
            return self._after_source_error(run_id, symbol, attempt, error)
        except SupersededError as error:
            # Without effect where another worker holds the symbol now; else it must not stay open.
            self._fail(run_id, symbol, attempt, type(error).__name__, str(error))
        except DatabaseError as error:
            if attempt < MAX_ATTEMPTS or isinstance(error, DatabaseUnreachableError):
                raise
            self._fail(run_id, symbol, attempt, type(error).__name__, str(error))
        except ScannerError as error:
            self._fail(run_id, symbol, attempt, type(error).__name__, str(error))
        except Exception as error:
            self._fail(run_id, symbol, attempt, type(error).__name__, f"a fault of this program: {error}")
            raise
        return None

    def _after_source_error(self, run_id: int, symbol: str, attempt: int, error: SourceError) -> float | None:
        """Try again later what may pass by itself, at most `MAX_ATTEMPTS` times; record the rest."""
        self._count(run_id, error)
        if not passes_by_itself(error) or attempt >= MAX_ATTEMPTS or self._unanswered > DOWN_AFTER:
            self._fail(run_id, symbol, attempt, type(error).__name__, str(error))
            return None
        with self._database.connection() as connection:
            run_symbols.release(connection, run_id, symbol, attempt=attempt)
        return wait_seconds(attempt, error, self._chance())

    def _count(self, run_id: int, error: SourceError) -> None:
        """How often in a row nobody was reached in this run. Of a source that is left alone nothing is known."""
        if run_id != self._counted_run:
            self._counted_run, self._unanswered = run_id, 0
        if not (isinstance(error, SourceSuspendedError) or being_probed(error)):
            self._unanswered = self._unanswered + 1 if unanswered(error) else 0

    def _fail(self, run_id: int, symbol: str, attempt: int, error_class: str, message: str) -> None:
        with self._database.connection() as connection:
            run_symbols.fail(
                connection,
                run_id,
                symbol,
                attempt=attempt,
                error_class=error_class,
                message=self._redact(message),
                now=self._clock(),
            )
            self._finish_run(connection, run_id, now=self._clock())

    def _finish(self, run_id: int) -> None:
        with self._database.connection() as connection:
            self._finish_run(connection, run_id, now=self._clock())


def passes_by_itself(error: SourceError) -> bool:
    """Whether the same question may be answered later without anybody doing something."""
    if isinstance(error, AllSourcesFailedError):
        return any(passes_by_itself(cause) for cause in error.causes)
    if isinstance(error, SourceSuspendedError):
        return error.retry_after_seconds <= LONGEST_SUSPENSION_SECONDS
    return isinstance(error, SourceUnavailableError | RateLimitedError)


def unanswered(error: SourceError) -> bool:
    """Whether no source was reached at all."""
    if isinstance(error, AllSourcesFailedError):
        return all(unanswered(cause) or isinstance(cause, SourceAuthError) for cause in error.causes)
    return isinstance(error, SourceUnavailableError)


def being_probed(error: SourceError) -> bool:
    """Whether a source is left alone only until somebody's call has shown whether it answers again."""
    if isinstance(error, AllSourcesFailedError):
        return any(being_probed(cause) for cause in error.causes)
    return isinstance(error, SourceSuspendedError) and error.retry_after_seconds <= PROBE_WAIT_SECONDS


def wait_seconds(attempt: int, error: SourceError, chance: float) -> float:
    """Seconds before the attempt after `attempt`: the vendor's wish, else longer each time; +-25 % by `chance`.

    Of several sources, the one that may be asked again first decides.
    """
    if isinstance(error, AllSourcesFailedError):
        return min(wait_seconds(attempt, cause, chance) for cause in error.causes if passes_by_itself(cause))
    if isinstance(error, RateLimitedError | SourceSuspendedError):
        base = error.retry_after_seconds or RATE_LIMIT_SECONDS
        return min(base, LONGEST_WAIT_SECONDS) * (1.0 + 0.25 * chance)
    return WAIT_SECONDS[min(attempt, len(WAIT_SECONDS)) - 1] * (0.75 + 0.5 * chance)
