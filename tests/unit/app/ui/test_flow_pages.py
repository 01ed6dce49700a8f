"""The pages on unusual flow against services made by hand: what they say when something is missing, old or closed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from app.services.flow import FlowScanStatus, Mood, Performance
from app.services.flow_chain import FlowChain
from app.ui import flow_status, keys
from scanner.calendar import MarketCalendar
from scanner.errors import DatabaseTooOldError
from scanner.model import Mode
from scanner.schema import FLOW_ROWS, SKEW_ROWS
from tests.unit.app.ui.flow_frames import SLOT, flow, opportunities, skew_rows
from tests.unit.app.ui.frames import AS_OF
from tests.unit.app.ui.test_pages import FULL, forget_everything, made_by_hand, opened, words

TOP: Final = "pages/top_opportunities.py"
FLOW_PAGE: Final = "pages/flow.py"
SKEW_PAGE: Final = "pages/skew_history.py"
LATEST: Final = Performance(
    run_id=3,
    timestamp=SLOT,
    state="finished",
    requested_at=SLOT,
    started_at=SLOT,
    finished_at=SLOT,
    seconds=40.0,
    total=44,
    succeeded=43,
    failed=1,
    contracts=12_000,
    most_attempts=4,
    fetch_ms=None,
    price_ms=None,
    store_ms=None,
)
SCANNED: Final = FlowScanStatus(LATEST, "43 of 44, TSLA: rate limited", (), SLOT + timedelta(minutes=30))
MOOD: Final = Mood(3, SLOT, "ELEVATED_FEAR", 3.41, None, 1, 2)
SATURDAY: Final = AS_OF + timedelta(days=1)


class Flow:
    def __init__(self, status: FlowScanStatus, rows: pd.DataFrame, *, mood: Mood | None = MOOD) -> None:
        self._status = status
        self.rows = rows
        self._mood = mood
        self.skew_rows = skew_rows({}, {"expiration": "2026-12-11", "net_gex": None})

    def status(self) -> FlowScanStatus:
        return self._status

    def scans(self, *, limit: int) -> tuple[Performance, ...]:
        return () if self._status.latest is None else (self._status.latest,)[:limit]

    def opportunities(self, _: object) -> pd.DataFrame:
        return self.rows

    def earlier_scores(self) -> dict[str, int]:
        return {"NVDA": 23}

    def market_sentiment(self) -> Mood | None:
        return self._mood

    def skew(self) -> pd.DataFrame:
        return self.skew_rows

    def whale_flows(self, _: object) -> pd.DataFrame:
        return flow({}).assign(timestamp=pd.Timestamp(SLOT), run_id=3)[FLOW_ROWS.names]

    def fresh_open_interest(self, _: object) -> pd.DataFrame:
        return FLOW_ROWS.empty()

    new_strikes = fresh_open_interest


class Chains:
    def __init__(self, chain: FlowChain | None) -> None:
        self._chain = chain

    def latest(self, _: str) -> FlowChain | None:
        return self._chain


CHAIN: Final = FlowChain(
    "NVDA",
    "simulated",
    SLOT,
    SLOT,
    flow({}, {"option_type": "put", "strike": 135.0, "open_interest": None, "gex": None, "flags": "oi_unknown"}),
)


def services(
    found: Flow,
    *,
    now: datetime = AS_OF,
    mode: Mode = Mode.SIMULATED,
    scheduled: bool = True,
    alive: bool = True,
    chain: FlowChain | None = CHAIN,
) -> SimpleNamespace:
    made = made_by_hand(FULL, mode=mode, alive=alive)
    made.clock, made.calendar = (lambda: now), MarketCalendar.around(now)
    made.flow, made.flow_chains = found, Chains(chain)
    made.flow_scans = SimpleNamespace(symbols=("KO", "NVDA"))
    made.settings = SimpleNamespace(flow_scans=scheduled)
    return made


@pytest.fixture(autouse=True)
def _no_cache_between_tests(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SCANNER_SUPERVISOR_PID", "1")
    forget_everything()
    yield
    forget_everything()


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: str(metric.value) for metric in app.metric}


NOTHING: Final = FlowScanStatus(None, "no scan yet", (), SLOT + timedelta(minutes=30))


@pytest.mark.parametrize("page", [TOP, FLOW_PAGE, SKEW_PAGE])
def test_before_the_first_scan_all_pages_say_what_to_do(monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    found = Flow(NOTHING, opportunities(), mood=None)
    found.skew_rows = SKEW_ROWS.empty()
    said = words(opened(monkeypatch, services(found), page))
    assert "Next scan 15:15 New York, in 15 min" in said
    assert "python -m app.cli backfill-flow --mode simulated --sessions 30" in said


def test_the_live_market_has_no_backfill_and_a_schedule_may_be_off(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Flow(NOTHING, opportunities(), mood=None)
    said = words(opened(monkeypatch, services(found, mode=Mode.LIVE, scheduled=False), TOP))
    assert "backfill-flow" not in said
    assert "The schedule is switched off (SCANNER_FLOW_SCANS=false)" in said


def test_a_scan_is_shown_with_coverage_sentiment_and_age(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(monkeypatch, services(Flow(SCANNED, opportunities({}))), TOP)
    said = words(app)
    assert "43 of 44, TSLA: rate limited" in said
    assert "Next scan 15:15 New York" in said
    assert "Volume carries no side" in said
    assert "cannot pass 75" in said
    assert metrics(app) == {
        "Market sentiment": "Elevated fear",
        "Mean skew, points": "+3.41",
        "Standard deviation": "–",
        "Symbols": "1, 2 without skew",
        "Of the scan": "15 min ago",
    }
    (row,) = app.dataframe[0].value.to_dict("records")
    assert (row["composite_score"], row["score_percentile"], row["earlier_scores"]) == (75, 83.0, 23.0)
    assert "win rate" not in said.lower()


def test_a_closed_market_is_closed_and_not_late(monkeypatch: pytest.MonkeyPatch) -> None:
    status = replace(SCANNED, next_slot=datetime.fromisoformat("2026-11-23T14:45:00Z"))
    app = opened(monkeypatch, services(Flow(status, opportunities({})), now=SATURDAY), TOP)
    assert metrics(app)["Of the scan"] == "closed (Fri 14:45)"
    assert "market closed" in words(app)
    assert "Next scan Mon 09:45 New York" in words(app)
    assert app.dataframe[0].value["scan"].tolist() == ["closed (Fri 14:45)"]


def test_missed_slots_and_a_missing_worker_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    missed = replace(SCANNED, missed=(SLOT - timedelta(minutes=30), SLOT - timedelta(minutes=15)))
    said = words(opened(monkeypatch, services(Flow(missed, opportunities({})), alive=False), TOP))
    assert "2 missed in the latest session and not caught up: 14:15, 14:30." in said
    assert "if a worker runs then: `python -m app.cli worker`" in said


def test_nothing_unusual_and_nothing_that_passes_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(monkeypatch, services(Flow(SCANNED, opportunities())), TOP)
    assert "nothing unusual was traded" in words(app)
    forget_everything()
    app = opened(monkeypatch, services(Flow(SCANNED, opportunities({}))), TOP)
    app.slider(key="opp_score").set_value(80).run()
    assert "**0 of 1 opportunities**" in words(app)
    assert "Lower the minimum score" in words(app)
    assert not app.dataframe


def test_what_is_no_symbol_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(monkeypatch, services(Flow(SCANNED, opportunities({}))), TOP)
    app.session_state["opp_symbols"] = ["nvda", "<b>"]
    app.run()
    assert "Not symbols, left out: " in words(app)
    assert "**1 of 1 opportunities**" in words(app)


def test_the_chosen_contract_is_explained_and_stays_when_it_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Flow(SCANNED, opportunities({}, {"symbol": "KO", "occ_symbol": "KO261204C00070000"}))
    app = opened(monkeypatch, services(found), TOP)
    app.session_state[keys.selected_contract("opp")] = ("NVDA", "NVDA261204C00142500")
    app.run()
    assert "NVDA 142.5 call, 4 Dec 2026 (14 days)" in words(app)
    assert "**Score 75 of 100, strong: 25 whale + 30 fresh + 20 skew**" in words(app)
    assert "25 of 35 for whale flow" in words(app)
    found.rows = opportunities()
    forget_everything()
    app.run()
    assert "NVDA261204C00142500 is no opportunity any more" in words(app)


def test_five_thousand_rows_stay_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    many = opportunities({"skew_25d": None, "put_wall": None, "call_wall": None, "score_percentile": None})
    rows = pd.concat([many] * 5000, ignore_index=True)
    rows["occ_symbol"] = [f"NVDA261204C{number:08d}" for number in range(5000)]
    app = opened(monkeypatch, services(Flow(SCANNED, rows)), TOP)
    assert len(app.dataframe[0].value) == 5000
    assert "**5,000 of the best 5,000 opportunities**" in words(app)


def test_flow_of_a_stock(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(monkeypatch, services(Flow(SCANNED, opportunities({}))), FLOW_PAGE)
    said = words(app)
    assert "Scan of 14:45 New York, 15 min ago. Source: simulated." in said
    assert "**Whale flow** (1)" in said
    assert "**Fresh open interest** (0)" in said
    assert "**New strikes** (0)" in said
    assert "naive sign convention" in said
    assert "1 of 2 contracts are drawn" in said
    assert "1 with unknown volume or open interest" in said
    assert len(app.get("plotly_chart")) == 3
    app.selectbox(key="flow_expiration").set_value("2026-12-11").run()
    assert app.dataframe[0].value["unit"].tolist() == ["2026-12-11"]
    assert "**Whale flow** (0)" in words(app)
    assert "0 of 0 contracts are drawn" in words(app)


def test_without_the_chain_the_stored_tables_are_still_there(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(monkeypatch, services(Flow(SCANNED, opportunities({})), chain=None), FLOW_PAGE)
    assert "The chain of this scan was not kept" in words(app)
    assert "**Whale flow** (1)" in words(app)
    assert not app.get("plotly_chart")


def test_an_error_of_a_refresh_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Flow(SCANNED, opportunities({}))

    def fail(*_: Any) -> Any:
        raise DatabaseTooOldError("13.2")

    monkeypatch.setattr(found, "status", fail)
    assert "Use PostgreSQL 14 or newer" in words(opened(monkeypatch, services(found), TOP))


def test_many_failures_are_cut_and_counted() -> None:
    whole = ", ".join(["34 of 44", *(f"S{number}: rate limited" for number in range(10))])
    shown, all_of_it = flow_status.coverage_line(whole)
    assert shown.endswith("S5: rate limited and 4 more")
    assert all_of_it == whole
    assert flow_status.coverage_line("44 of 44") == ("44 of 44", "44 of 44")


@pytest.mark.parametrize(
    ("now", "slot", "late"),
    [
        ("2026-11-20T20:00", "2026-11-20T19:45", False),
        ("2026-11-20T20:00", "2026-11-20T19:15", True),
        ("2026-11-20T14:50", "2026-11-19T21:00", False),
        ("2026-11-20T15:10", "2026-11-19T21:00", True),
        ("2026-11-21T15:00", "2026-11-20T15:00", False),
    ],
)
def test_a_scan_is_late_only_in_a_session(now: str, slot: str, late: bool) -> None:
    instant = datetime.fromisoformat(f"{now}:00Z")
    clock = MarketCalendar.around(instant).clock(instant)
    assert flow_status.late(datetime.fromisoformat(f"{slot}:00Z"), clock, instant) is late
