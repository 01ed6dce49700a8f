"""A value of each session, from what the syncs stored."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from math import log, sqrt

import numpy as np
import pandas as pd
import pytest

from app.services.sync import SyncService
from app.services.volatility_history import VolatilityHistory, VolatilityOverTime
from db import daily_closes, premiums
from db.engine import Database
from scanner.model import DailyClose
from tests.integration.app.conftest import ScriptedSource, SettableClock


def synced(sync: SyncService, *symbols: str) -> None:
    run_id = sync.start(symbols)
    for symbol in symbols:
        sync.run_symbol(run_id, symbol)


def test_a_session_has_the_value_of_its_latest_quotes(
    sync: SyncService, volatility_history: VolatilityHistory, clock: SettableClock, database: Database
) -> None:
    clock.now = datetime(2026, 11, 18, 16, 0, tzinfo=UTC)
    synced(sync, "AAPL", "KO")
    assert volatility_history.record() == 2
    first = {row.symbol: row for row in volatility_history.history(("AAPL", "KO"))}
    clock.now += timedelta(hours=3)
    synced(sync, "AAPL")
    volatility_history.record()
    clock.now = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)
    synced(sync, "AAPL")
    volatility_history.record()
    volatility_history.record()
    rows = volatility_history.history(("AAPL", "KO", "NOPE"))
    assert [(row.symbol, row.session) for row in rows] == [
        ("AAPL", date(2026, 11, 18)),
        ("AAPL", date(2026, 11, 19)),
        ("KO", date(2026, 11, 18)),
    ]
    assert rows[0].quoted_at > first["AAPL"].quoted_at
    assert rows[2] == first["KO"]
    assert all(row.iv30 is not None and 0.05 < row.iv30 < 1.5 and row.source == "simulated" for row in rows)
    places = volatility_history.places(("AAPL", "KO"))
    assert (places["AAPL"].sessions, places["AAPL"].iv30, places["AAPL"].rank) == (2, rows[1].iv30, None)
    with database.connection() as connection:
        stored = premiums.of_symbols(connection, ["AAPL"])
    assert rows[1].iv30 == pytest.approx(by_hand(stored, rows[1].near_expiration, rows[1].far_expiration), rel=1e-6)


def by_hand(stored: pd.DataFrame, *days: date | None) -> float:
    """Total variance at 30 days between two expirations, from their stored one-standard-deviation range."""
    points = []
    for day in days:
        row = stored[(stored["expiration"] == pd.Timestamp(str(day))) & stored["upper_1sd"].notna()].iloc[0]
        points.append((row["years_to_expiry"], log(row["upper_1sd"] / row["spot"]) ** 2))
    (t1, v1), (t2, v2) = points
    return sqrt((v1 + (30 / 365 - t1) / (t2 - t1) * (v2 - v1)) * 365 / 30)


def test_an_older_answer_does_not_replace_a_newer_one(
    sync: SyncService, volatility_history: VolatilityHistory, clock: SettableClock, source: ScriptedSource
) -> None:
    clock.now = datetime(2026, 11, 18, 18, 0, tzinfo=UTC)
    synced(sync, "KO")
    volatility_history.record()
    (newest,) = volatility_history.history(("KO",))
    clock.now -= timedelta(hours=2)
    synced(sync, "KO")
    volatility_history.record()
    assert volatility_history.history(("KO",)) == (newest,)


def test_nothing_stored_is_nothing_recorded(volatility_history: VolatilityHistory) -> None:
    assert volatility_history.record() == 0
    assert volatility_history.places(("KO",)) == {}


def test_implied_and_realised_volatility_stand_side_by_side(
    sync: SyncService, volatility_history: VolatilityHistory, clock: SettableClock, database: Database
) -> None:
    clock.now = datetime(2026, 11, 18, 18, 0, tzinfo=UTC)
    assert volatility_history.over_time("KO") == VolatilityOverTime((), None)
    generator = np.random.default_rng(3)
    values = 60.0 * np.exp(np.cumsum(generator.normal(0, 0.01, 300)))
    days = [date(2026, 11, 17) - timedelta(days=back) for back in reversed(range(300))]
    with database.connection() as connection:
        daily_closes.replace(
            connection,
            "KO",
            [DailyClose(day, float(value)) for day, value in zip(days, values, strict=True)],
            source="scripted",
            fetched_at=clock.now,
        )
    synced(sync, "KO")
    volatility_history.record()
    found = volatility_history.over_time("KO")
    assert found.closes == daily_closes.ClosesOrigin("scripted", clock.now)
    assert len(found.sessions) == 252
    assert [row.session for row in found.sessions] == [*days[-251:], date(2026, 11, 18)]
    *before, last = found.sessions
    assert (last.session, last.rv20, last.rv60, last.source) == (date(2026, 11, 18), None, None, "simulated")
    assert last.iv30 == volatility_history.history(["KO"])[0].iv30
    assert all(row.iv30 is None and row.source is None for row in before)
    for back, row in ((0, before[-1]), (100, before[-101])):
        moves = np.diff(np.log(values[: len(values) - back]))
        assert row.session == days[-1 - back]
        assert row.rv20 == pytest.approx(np.std(moves[-20:], ddof=1) * sqrt(252), rel=1e-12)
        assert row.rv60 == pytest.approx(np.std(moves[-60:], ddof=1) * sqrt(252), rel=1e-12)
