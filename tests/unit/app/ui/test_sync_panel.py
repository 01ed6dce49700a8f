from __future__ import annotations

from datetime import UTC, datetime

from app.services.sync import RunState, SyncProgress
from app.ui.sync_panel import advice, failure_line

ENDED = SyncProgress(
    run_id=1,
    state=RunState.FINISHED,
    total=44,
    succeeded=2,
    failed=42,
    cancelled=0,
    current=(),
    started_at=datetime(2026, 11, 20, 15, 0, tzinfo=UTC),
    finished_at=datetime(2026, 11, 20, 15, 1, tzinfo=UTC),
    rate_per_second=None,
    seconds_left=None,
    contracts=100,
    worker_alive=True,
    errors={"SymbolNotFoundError": 1, "SourceUnavailableError": 41},
)


def test_failures_are_counted_by_class_the_most_frequent_first() -> None:
    assert failure_line(ENDED) == "42 failed: SourceUnavailableError 41, SymbolNotFoundError 1"


def test_each_class_of_failure_comes_with_what_to_do() -> None:
    first, second = advice(ENDED).splitlines()
    assert first.startswith("**41 of 44 failed.** The source cannot be reached. Check this machine's network")
    assert second == "**1 of 44 failed.** The source does not know these symbols. Check their spelling."
