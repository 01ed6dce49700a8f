from __future__ import annotations

from datetime import timedelta

import pytest

from app.services.consistency import ConsistencyReport, ConsistencyService
from app.services.flow_scan import FlowScanService
from app.services.sync import SyncService
from db import premiums
from db.engine import Database
from tests.integration.app.conftest import FLOW_SYMBOLS, SettableClock


@pytest.fixture
def _filled(sync: SyncService, flow_scans: FlowScanService) -> None:
    sync.run_symbol(sync.start(["SPY"]), "SPY")
    run_id = flow_scans.begin_due()
    assert run_id is not None
    for symbol in FLOW_SYMBOLS:
        flow_scans.run_symbol(run_id, symbol)


@pytest.mark.usefixtures("_filled")
def test_what_was_just_stored_is_consistent(consistency: ConsistencyService) -> None:
    assert consistency.check() == ConsistencyReport()


@pytest.mark.usefixtures("_filled")
def test_impossible_deltas_are_computed_again_from_the_stored_chain(
    consistency: ConsistencyService, database: Database
) -> None:
    with database.connection() as connection:
        before = premiums.of_symbols(connection, ["SPY"])
        connection.execute("update stock_premiums set delta = 0.3 where option_type = 'put' and delta < 0")
    report = consistency.check()
    assert (report.impossible_deltas, report.recomputed) == (("SPY",), ("SPY",))
    with database.connection() as connection:
        assert premiums.of_symbols(connection, ["SPY"]).equals(before)
    assert consistency.check().clean


@pytest.mark.usefixtures("_filled")
def test_orphans_and_stale_symbols_are_counted_and_stay(
    consistency: ConsistencyService, database: Database, clock: SettableClock
) -> None:
    with database.connection() as connection:
        (rows,) = connection.execute("select count(*) from skew_metrics where symbol = 'KO'").fetchone() or (0,)
        connection.execute("delete from scan_run_symbols where symbol = 'KO'")
    assert rows == 4
    assert consistency.check().orphans == {"skew_metrics": 4}
    clock.now += timedelta(days=5)
    assert consistency.check().stale == ("AAPL", "SPY", "TSLA")
    assert consistency.check().orphans == {"skew_metrics": 4}


@pytest.mark.usefixtures("_filled")
def test_expired_rows_are_counted(consistency: ConsistencyService, database: Database, clock: SettableClock) -> None:
    clock.now += timedelta(days=14)
    with database.connection() as connection:
        days = premiums.of_symbols(connection, ["SPY"])["expiration"]
    assert consistency.check().expired == int((days < "2026-12-04").sum()) > 0
