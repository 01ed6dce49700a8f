"""A vendor that is away for a moment amid a run: the run goes on when it is back."""

from __future__ import annotations

import pytest

from app.services.symbol_attempts import DOWN_AFTER
from app.services.sync import SyncService
from db.engine import Database
from db.scan_runs import RunState
from db.source_breakers import SharedBreaker
from scanner.errors import SourceAuthError, SourceError, SourceUnavailableError
from scanner.sources.gate import LocalLimiter, PolicedGate
from scanner.sources.resilience import BreakerPolicy, GatePolicy, RateLimit
from tests.integration.app.conftest import ScriptedSource

SYMBOLS = tuple(f"S{letter}" for letter in "ABCDEFGHIJKLMNOPQRST")
PAUSE_SECONDS = 40.0


class Vendor:
    """Reached through a gate with a real breaker; fails with `error` while there is one."""

    def __init__(self, database: Database, **breaker: float) -> None:
        self.error: SourceError | None = None
        self.sent = 0
        policy = GatePolicy(RateLimit(10_000, 1.0, burst=5_000), breaker=BreakerPolicy(**breaker))  # type: ignore[arg-type]
        self._gate = PolicedGate(
            "yahoo",
            policy,
            limiter=LocalLimiter(policy.limit),
            breaker=SharedBreaker(database, "yahoo", policy.breaker),
            account=lambda call: None,
            chance=lambda: 0.0,
        )

    def ask(self, symbol: str) -> None:
        self._gate.call(self._send, symbol=symbol)

    def _send(self) -> None:
        self.sent += 1
        if self.error is not None:
            raise self.error


def failures(sync: SyncService) -> dict[str, int]:
    progress = sync.progress()
    assert progress is not None
    return dict(progress.errors)


def test_symbols_met_by_a_short_outage_wait_for_its_end(
    database: Database, sync: SyncService, source: ScriptedSource
) -> None:
    assert len(SYMBOLS) > 2 * DOWN_AFTER
    vendor = Vendor(database, failures=5, open_seconds=PAUSE_SECONDS)
    source.before = vendor.ask
    vendor.error = SourceUnavailableError("yahoo", None, "connection reset")
    run_id = sync.start(SYMBOLS)
    waits = [sync.run_symbol(run_id, symbol) for symbol in SYMBOLS]
    assert None not in waits
    assert vendor.sent == 5
    vendor.error = None
    with database.connection() as connection:
        connection.execute("update source_breakers set open_until = clock_timestamp()")
    assert [sync.run_symbol(run_id, symbol) for symbol in SYMBOLS] == [None] * len(SYMBOLS)
    progress = sync.progress(run_id)
    assert progress is not None
    assert (progress.state, progress.succeeded, progress.failed) == (RunState.FINISHED, len(SYMBOLS), 0)


@pytest.mark.parametrize("symbols", [SYMBOLS])
def test_nobody_waits_for_refused_credentials(
    database: Database, sync: SyncService, source: ScriptedSource, symbols: tuple[str, ...]
) -> None:
    vendor = Vendor(database)
    source.before = vendor.ask
    vendor.error = SourceAuthError("yahoo", None, "session refused")
    run_id = sync.start(symbols)
    assert [sync.run_symbol(run_id, symbol) for symbol in symbols] == [None] * len(symbols)
    assert vendor.sent == 1
    assert failures(sync) == {"SourceAuthError": 1, "SourceSuspendedError": len(symbols) - 1}
