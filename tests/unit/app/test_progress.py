from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.progress import backfill_line, duration, follow, follow_backfill, line, summary
from app.services.flow_backfill import BackfillProgress, FlowBackfill, PastSlot
from app.services.sync import RunState, SymbolFailure, SyncProgress, SyncService
from scanner.errors import DatabaseUnreachableError

START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
RUNNING = SyncProgress(
    run_id=7,
    state=RunState.RUNNING,
    total=44,
    succeeded=11,
    failed=1,
    cancelled=0,
    current=("AAPL", "MSFT"),
    started_at=START,
    finished_at=None,
    rate_per_second=3.21,
    seconds_left=9.96,
    contracts=1234,
    worker_alive=True,
)
FINISHED = replace(RUNNING, state=RunState.FINISHED, succeeded=43, current=(), finished_at=START, seconds_left=None)


class ScriptedSync(SyncService):
    """Answers with one progress after another."""

    def __init__(self, *answers: SyncProgress | Exception | None) -> None:
        self.answers = list(answers)

    def progress(self, run_id: int | None = None) -> SyncProgress | None:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_line_says_how_far_what_how_fast_and_how_long() -> None:
    assert line(RUNNING) == "Syncing 12/44 AAPL MSFT, 1 failed, 1,234 contracts, 3.2 symbols/s, 10 s left"


def test_line_of_a_finished_run() -> None:
    assert line(FINISHED) == "Synced 44/44, 1 failed, 1,234 contracts, 3.2 symbols/s"


def test_unknown_rate_is_left_out_and_a_missing_worker_is_named() -> None:
    text = line(replace(RUNNING, rate_per_second=None, seconds_left=None, worker_alive=False))
    assert "symbols/s" not in text
    assert text.endswith("waiting for a worker")


def test_many_current_symbols_are_cut() -> None:
    assert "A B C ..., 1 failed" in line(replace(RUNNING, current=("A", "B", "C", "D")))


def test_follow_shows_every_step_and_returns_the_end() -> None:
    out = io.StringIO()
    assert follow(ScriptedSync(RUNNING, FINISHED), 7, stop=threading.Event(), out=out) is FINISHED
    assert out.getvalue().splitlines() == [line(RUNNING), line(FINISHED)]


def test_follow_ends_where_it_is_when_asked_to_stop() -> None:
    stop = threading.Event()
    stop.set()
    assert follow(ScriptedSync(RUNNING), 7, stop=stop, out=io.StringIO()) is RUNNING


def test_follow_waits_for_a_database_that_comes_back() -> None:
    away = DatabaseUnreachableError("no database answers")
    assert follow(ScriptedSync(away, FINISHED), 7, stop=threading.Event(), out=io.StringIO()) is FINISHED


def test_follow_does_not_wait_when_asked_to_stop() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(DatabaseUnreachableError):
        follow(ScriptedSync(DatabaseUnreachableError("gone")), 7, stop=stop, out=io.StringIO())


def test_follow_refuses_a_run_that_is_not_there() -> None:
    with pytest.raises(LookupError):
        follow(ScriptedSync(None), 7, stop=threading.Event(), out=io.StringIO())


def test_summary_names_failures_and_what_to_do() -> None:
    failures = tuple(SymbolFailure(f"S{n}", "SourceUnavailableError", f"yahoo for S{n}: down", 4) for n in range(7))
    text = summary(replace(FINISHED, failed=7, failures=failures, errors={"SourceUnavailableError": 7}))
    assert "SourceUnavailableError (7): The source cannot be reached. Check this machine's network connection" in text
    assert "7 of 44 symbols failed" in text
    assert "yahoo for S4: down" in text
    assert "S5" not in text
    assert "2 more" in text
    assert "Retry failed" in text


def test_summary_is_by_class_the_most_frequent_first() -> None:
    failures = (
        SymbolFailure("AAPL", "SourceUnavailableError", "yahoo for AAPL: down", 4),
        SymbolFailure("ZZZZ", "SymbolNotFoundError", "yahoo for ZZZZ: unknown", 1),
    )
    errors = {"SymbolNotFoundError": 1, "SourceUnavailableError": 250}
    lines = summary(replace(FINISHED, failed=251, failures=failures, errors=errors)).splitlines()
    assert [line.partition(":")[0].strip() for line in lines[1:-1]] == [
        "SourceUnavailableError (250)",
        "AAPL",
        "... and 249 more, on the page Database Scan",
        "SymbolNotFoundError (1)",
        "ZZZZ",
    ]


def test_no_summary_without_failures() -> None:
    assert summary(replace(FINISHED, failed=0)) == ""


class ScriptedBackfill(FlowBackfill):
    """Answers with one progress after another."""

    def __init__(self, *answers: BackfillProgress | Exception) -> None:
        self.answers = list(answers)

    def progress(self, slots: Sequence[PastSlot]) -> BackfillProgress:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("made", "waiting", "seconds", "text"),
    [
        (0, 55, 0.5, "Past flow scans 0/55"),
        (11, 44, 5.0, "Past flow scans 11/55, 20 s left"),
        (11, 22, 5.0, "Past flow scans 11/55, 10 s left"),  # 22 have failed and are not waited for
        (55, 0, 25.0, "Past flow scans 55/55"),
    ],
)
def test_line_of_past_scans(made: int, waiting: int, seconds: float, text: str) -> None:
    assert backfill_line(BackfillProgress(total=55, made=made, waiting=waiting), seconds) == text


def test_past_scans_are_followed_until_none_is_waited_for() -> None:
    away = DatabaseUnreachableError("no database answers")
    begun, over = BackfillProgress(2, 0, 2), BackfillProgress(2, 1, 0)
    out = io.StringIO()
    assert follow_backfill(ScriptedBackfill(begun, away, over), (), stop=threading.Event(), out=out) is over
    assert out.getvalue().splitlines() == ["Past flow scans 0/2", "Past flow scans 1/2"]


def test_past_scans_are_not_waited_for_when_asked_to_stop() -> None:
    stop = threading.Event()
    stop.set()
    begun = BackfillProgress(2, 0, 2)
    assert follow_backfill(ScriptedBackfill(begun), (), stop=stop, out=io.StringIO()) is begun
    with pytest.raises(DatabaseUnreachableError):
        follow_backfill(ScriptedBackfill(DatabaseUnreachableError("gone")), (), stop=stop, out=io.StringIO())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text
