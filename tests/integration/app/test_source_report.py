from __future__ import annotations

from datetime import timedelta

import pytest

from app.services.source_report import SourceReportService
from app.services.sync import SyncService
from db.engine import Database
from scanner.calendar import market_date, sync_expirations
from scanner.sources.account import SourceAccount
from scanner.sources.resilience import Call
from tests.integration.app.conftest import ScriptedSource, SettableClock


@pytest.fixture
def reports(database: Database, clock: SettableClock) -> SourceReportService:
    return SourceReportService(database=database, clock=clock)


@pytest.fixture
def account(reports: SourceReportService, clock: SettableClock) -> SourceAccount:
    return SourceAccount(reports.store, clock)


def test_calls_of_several_hours_and_processes_add_up(
    reports: SourceReportService, account: SourceAccount, clock: SettableClock
) -> None:
    other = SourceAccount(reports.store, clock)
    for seconds in (0.1, 0.2, 0.4):
        account.add_call(Call("yahoo", None, seconds, 1.0))
    clock.now += timedelta(hours=1)
    other.add_call(Call("yahoo", "SourceTimeoutError", 20.0, 0.0))
    other.add_call(Call("schwab", None, 0.05, 0.0))
    account.flush()
    other.flush()
    schwab, yahoo = reports.report(hours=24)
    assert (schwab.source, schwab.calls, dict(schwab.errors)) == ("schwab", 1, {})
    assert (yahoo.calls, dict(yahoo.errors), yahoo.waited_seconds) == (4, {"SourceTimeoutError": 1}, 3.0)
    assert yahoo.latency_p50 == pytest.approx(0.2, rel=0.08)
    assert yahoo.latency_p95 == pytest.approx(20.0, rel=0.08)
    clock.now += timedelta(hours=23, minutes=30)
    assert [report.calls for report in reports.report(hours=24) if report.source == "yahoo"] == [1]


def test_a_sync_tells_how_good_the_quotes_were(
    reports: SourceReportService, sync: SyncService, source: ScriptedSource, clock: SettableClock
) -> None:
    """SNOW carries the simulated market's planted bad quotes."""
    clock.now += timedelta(seconds=10)
    chosen = sync_expirations(source.chain("SNOW", lambda listed: ()).listed_expirations, today=market_date(clock.now))
    rows = source.chain("SNOW", lambda listed: chosen).contracts.to_dict("records")
    sync.run_symbol(sync.start(["SNOW"]), "SNOW")
    (report,) = reports.report()
    assert report.source == "simulated"
    assert report.quotes.contracts == len(rows)
    bids = [row["bid"] for row in rows]
    assert report.quotes.zero_quotes == pytest.approx(sum(1 for bid in bids if not bid > 0) / len(rows))
    assert report.quotes.crossed_quotes == pytest.approx(1 / len(rows))
    assert report.quotes.disagreeing_iv == 0
    assert report.quotes.mean_age_seconds is not None
    assert 0 <= report.quotes.mean_age_seconds < 60


def test_an_account_of_long_ago_is_forgotten(
    reports: SourceReportService, account: SourceAccount, clock: SettableClock
) -> None:
    account.add_call(Call("yahoo", None, 0.1, 0.0))
    account.flush()
    clock.now += timedelta(days=31)
    reports.forget_old()
    assert reports.report(hours=24 * 60) == ()
