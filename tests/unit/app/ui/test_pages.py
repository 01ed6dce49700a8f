"""Pages against services made by hand: what they say when something is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.services.preferences import Preferences
from app.services.premiums import ContractDetail, DataCoverage
from app.services.stocks import OVERVIEW
from app.services.sync import RunState, SymbolFailure, SyncProgress
from app.ui import runtime
from scanner.calendar import MarketCalendar
from scanner.errors import DatabaseTooOldError, InputError
from scanner.model import Mode, PremiumFilters, RejectionReason, ScanResult, SymbolCount
from tests.unit.app.ui.frames import AS_OF, call, put, scan_frame

HOME: Final = Path(__file__).resolve().parents[4] / "Home.py"
EMPTY: Final = DataCoverage(Mode.SIMULATED, 44, 0, 0, None, None, ())
FULL: Final = DataCoverage(Mode.SIMULATED, 44, 44, 160, AS_OF, AS_OF, ("simulated",))
ENDED: Final = SyncProgress(
    run_id=7,
    state=RunState.FINISHED,
    total=44,
    succeeded=43,
    failed=1,
    cancelled=0,
    current=(),
    started_at=AS_OF - timedelta(minutes=5),
    finished_at=AS_OF - timedelta(minutes=4),
    rate_per_second=0.7,
    seconds_left=None,
    contracts=5012,
    worker_alive=True,
    failures=(SymbolFailure("KO", "RateLimitedError", "yahoo for KO: too many calls", 4),),
    errors={"RateLimitedError": 1},
)
RUNNING: Final = replace(
    ENDED, state=RunState.RUNNING, succeeded=11, current=("AAPL", "KO"), seconds_left=46.0, finished_at=None
)


class Sync:
    def __init__(self, progress: SyncProgress | None, alive: bool) -> None:
        self._progress = progress
        self._alive = alive
        self.started: list[tuple[str, ...] | None] = []
        self.retried: list[int] = []
        self.refusal = ""
        self.next_answers: list[SyncProgress] = []

    def progress(self) -> SyncProgress | None:
        return self.next_answers.pop(0) if self.next_answers else self._progress

    def cancel(self, run_id: int) -> int:
        return 0

    def resume_cancelled(self, run_id: int) -> int | None:
        return None

    def retry_failed(self, run_id: int) -> int | None:
        self.retried.append(run_id)
        return run_id

    def worker_alive(self) -> bool:
        return self._alive

    def start(self, symbols: tuple[str, ...] | None = None) -> int:
        if self.refusal:
            raise InputError(self.refusal)
        self.started.append(symbols)
        return 7


class Premiums:
    def __init__(self, coverage: DataCoverage) -> None:
        self._coverage = coverage

    def data_version(self) -> int:
        return 1

    def coverage(self) -> DataCoverage:
        return self._coverage

    def top_premiums(self, limit: int, **_: Any) -> pd.DataFrame:
        return scan_frame(put())

    def scan(self, symbols: tuple[str, ...], filters: PremiumFilters) -> ScanResult:
        if self._coverage.empty:
            return ScanResult(scan_frame(), filters, AS_OF, (), tuple(symbols))
        counts = (SymbolCount("AAPL", 160, 2, {RejectionReason.OTHER_STRATEGY: 158}),)
        return ScanResult(scan_frame(put(), call()), filters, AS_OF, counts)

    def contract(self, symbol: str, occ_symbol: str, **_: Any) -> ContractDetail:
        chain = scan_frame(put(), call())
        return ContractDetail(chain.iloc[0], chain, None)


class Stocks:
    def symbols(self) -> tuple[str, ...]:
        return ("AAPL", "KO")

    def reference(self, symbols: tuple[str, ...]) -> dict[str, Any]:
        return {}

    def overview(self) -> pd.DataFrame:
        return OVERVIEW.empty()


def made_by_hand(
    coverage: DataCoverage, progress: SyncProgress | None = None, *, mode: Mode = Mode.SIMULATED, alive: bool = True
) -> SimpleNamespace:
    return SimpleNamespace(
        mode=mode,
        clock=lambda: AS_OF,
        calendar=MarketCalendar.around(AS_OF),
        sync=Sync(progress, alive),
        premiums=Premiums(coverage),
        stocks=Stocks(),
        preferences=SimpleNamespace(read=Preferences),
        watchlists=SimpleNamespace(lists=tuple),
        stored={},
        stored_settings=SimpleNamespace(read=dict),
    )


@pytest.fixture(autouse=True)
def _no_cache_between_tests(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SCANNER_SUPERVISOR_PID", "1")
    forget_everything()
    yield
    forget_everything()


def forget_everything() -> None:
    runtime.current.clear()
    st.cache_data.clear()


def opened(monkeypatch: pytest.MonkeyPatch, services: SimpleNamespace, page: str | None = None) -> AppTest:
    monkeypatch.setattr(runtime, "build", lambda settings: services)
    app = AppTest.from_file(HOME, default_timeout=30).run()
    if page is not None:
        app.switch_page(page).run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    kinds = ("markdown", "info", "warning", "error", "caption", "subheader")
    return "\n".join(str(element.value) for kind in kinds for element in getattr(app, kind))


def test_an_empty_database_says_what_to_do_first(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(monkeypatch, made_by_hand(EMPTY))
    assert "Press **Sync All**" in words(app)
    assert app.button(key="sync_start").label == "Sync All"
    assert not app.dataframe


def test_home_is_full_when_there_is_data(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(monkeypatch, made_by_hand(FULL, ENDED))
    assert [metric.value for metric in app.metric][:2] == ["44 of 44", "160"]
    assert "Best puts at 28-35 days" in words(app)
    assert "Last sync finished 4 min ago: 43 of 44 symbols stored, 5,012 contracts, 1 failed" in words(app)
    assert app.button(key="sync_retry").label == "Retry failed (1)"


def test_without_a_worker_the_page_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(monkeypatch, made_by_hand(EMPTY, RUNNING, alive=False))
    assert "python -m app.cli worker" in words(app)


def test_a_running_sync_shows_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    services = made_by_hand(FULL, RUNNING)
    app = opened(monkeypatch, services)
    bar = app.get("progress")[0]
    assert "12 of 44 symbols · now AAPL, KO · 0.7 symbols/s · 46 s left · 1 failed" in str(bar.proto)
    assert app.button(key="sync_cancel").label == "Cancel"
    app.button(key="sync_start").click().run()
    assert services.sync.started == [None]


def test_a_refused_sync_says_why_until_the_next_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    services = made_by_hand(EMPTY)
    app = opened(monkeypatch, services)
    services.sync.refusal = "there is no stock to sync yet. Add stocks"
    app.button(key="sync_start").click().run()
    assert "Add stocks" in words(app.run())
    services.sync.refusal = ""
    app.button(key="sync_start").click().run()
    assert "Add stocks" not in words(app)


def test_a_click_counts_when_the_page_finds_meanwhile_that_it_has_to_be_drawn_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services = made_by_hand(FULL, ENDED)
    app = opened(monkeypatch, services)
    services.sync.next_answers = [ENDED, replace(ENDED, run_id=8)]
    app.button(key="sync_retry").click().run()
    assert not services.sync.next_answers
    assert services.sync.retried == [ENDED.run_id]


@pytest.mark.parametrize(("mode", "banner"), [(Mode.SIMULATED, True), (Mode.RECORDED, True), (Mode.LIVE, False)])
def test_only_live_numbers_come_without_a_banner(monkeypatch: pytest.MonkeyPatch, mode: Mode, banner: bool) -> None:
    app = opened(monkeypatch, made_by_hand(FULL, mode=mode))
    shown = " ".join(str(element.proto) for element in app.get("html"))
    assert (mode.value.upper() in shown) is banner


def test_a_database_that_cannot_be_used_is_explained_and_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(settings: Any) -> None:
        raise DatabaseTooOldError("PostgreSQL 13 answers")

    monkeypatch.setattr(runtime, "build", refuse)
    app = AppTest.from_file(HOME, default_timeout=30).run()
    assert not app.exception
    assert "PostgreSQL 13 answers" in words(app)
    assert "Use PostgreSQL 14 or newer" in words(app)
    monkeypatch.setattr(runtime, "build", lambda settings: made_by_hand(EMPTY))
    app.button[0].click().run()
    assert "Press **Sync All**" in words(app)


def test_the_scanner_accounts_for_every_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(monkeypatch, made_by_hand(FULL), "pages/premium_scanner.py")
    assert "**2 rows** of 2 that passed, 160 contracts fetched, as of 15:00:00 New York" in words(app)
    assert "160 fetched = 2 passed + 158 rejected" in words(app)


def test_the_scanner_syncs_the_chosen_symbols(monkeypatch: pytest.MonkeyPatch) -> None:
    services = made_by_hand(FULL)
    app = opened(monkeypatch, services, "pages/premium_scanner.py")
    app.multiselect(key="scan_symbols").set_value(["KO"])
    app.button(key="scan_apply").click().run()
    app.button(key="sync_start").click().run()
    assert services.sync.started == [("KO",)]


def test_a_preset_sets_the_delta_and_applies_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(monkeypatch, made_by_hand(FULL), "pages/premium_scanner.py")
    app.button_group(key="scan_preset").set_value("Aggressive").run()
    assert app.slider(key="scan_delta").value == (0.35, 0.45)


def test_without_chains_the_scanner_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(monkeypatch, made_by_hand(EMPTY), "pages/premium_scanner.py")
    assert "None of the chosen symbols has a stored option chain" in words(app)


def test_the_chosen_contract_is_shown_with_its_grade_and_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "build", lambda settings: made_by_hand(FULL))
    app = AppTest.from_file(HOME, default_timeout=30).run()
    app.session_state["scan_selected_contract"] = ("AAPL", "AAPL261218P00250000")
    app.switch_page("pages/premium_scanner.py").run()
    assert not app.exception
    assert "AAPL 250 put, 18 Dec 2026 (28 days)" in words(app)
    assert "Why grade A" in words(app)
    assert "Profit at expiration" in words(app)
