"""Saved scans over a real database: runs, schedule, watch, comparison with its reasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.services.saved_scans import KEPT, SavedScanService
from app.services.sync import SyncService
from app.services.watchlists import WatchlistService
from scanner.errors import InputError
from scanner.model import PremiumFilters, RejectionReason
from scanner.saved_scans import ScanDefinition, ScanUniverse, UniverseKind
from scanner.scan_comparison import Change, Place
from tests.integration.app.conftest import MakeAlerts, SettableClock

OPEN = PremiumFilters(volume_min=0, open_interest_min=0)


def defined(name: str = "Mine", filters: PremiumFilters = OPEN, universe: ScanUniverse | None = None) -> ScanDefinition:
    return ScanDefinition(name, filters, universe or ScanUniverse())


@pytest.fixture
def stored(sync: SyncService) -> None:
    symbols = ("AAPL", "KO", "TSLA")
    run_id = sync.start(symbols)
    for symbol in symbols:
        sync.run_symbol(run_id, symbol)


@pytest.mark.usefixtures("stored")
def test_a_run_keeps_what_it_was_asked_and_what_it_found(saved_scans: SavedScanService, clock: SettableClock) -> None:
    scan_id = saved_scans.save(defined())
    saved_scans.run(scan_id)
    (run,) = saved_scans.runs(scan_id)
    result = saved_scans.result(run)
    assert (run.as_of, run.symbols, run.rates, run.sources) == (clock.now, None, {"0": 0.04}, ["simulated"])
    assert run.fetched == run.passed + sum(run.rejected.values()) > run.passed >= run.shown == len(result.rows) > 3
    assert result.filters == OPEN
    assert result.rows["monthly_return"].is_monotonic_decreasing
    assert run.entered == []
    (scan,) = saved_scans.scans()
    assert (scan.name, scan.runs, scan.last_run) == ("Mine", 1, clock.now)


@pytest.mark.usefixtures("stored")
def test_a_list_is_read_at_the_time_of_the_run(saved_scans: SavedScanService, watchlists: WatchlistService) -> None:
    watchlist_id = watchlists.create_of("Drinks", ("KO",))
    scan_id = saved_scans.save(defined(universe=ScanUniverse(UniverseKind.LIST, watchlist="Drinks")))
    saved_scans.run(scan_id)
    watchlists.import_text(watchlist_id, "AAPL")
    saved_scans.run(scan_id)
    later, earlier = saved_scans.runs(scan_id)
    assert (earlier.symbols, later.symbols) == (["KO"], ["KO", "AAPL"])
    found = saved_scans.compare(earlier, later)
    assert {one.verdict for one in found if one.change is Change.ENTERED} == {Place.NOT_IN_UNIVERSE}
    assert {one.symbol for one in found if one.change is Change.ENTERED} == {"AAPL"}
    assert sorted(later.entered) == sorted(one.occ_symbol for one in found if one.change is Change.ENTERED)
    watchlists.delete(watchlist_id)
    with pytest.raises(InputError, match="Drinks"):
        saved_scans.run(scan_id)


@pytest.mark.usefixtures("stored")
def test_whoever_enters_or_leaves_is_told_why(
    saved_scans: SavedScanService, sync: SyncService, clock: SettableClock
) -> None:
    """Two days later prices, volatilities and deltas are others, and expirations have other targets."""
    scan_id = saved_scans.save(defined(filters=replace(OPEN, max_spread_pct=20.0)))
    saved_scans.run(scan_id)
    clock.now += timedelta(days=2)
    run_id = sync.start(("AAPL", "KO", "NVDA"))
    for symbol in ("AAPL", "KO", "NVDA"):
        sync.run_symbol(run_id, symbol)
    saved_scans.run(scan_id)
    later, earlier = saved_scans.runs(scan_id)
    found = saved_scans.compare(earlier, later)
    assert {one.change for one in found} == set(Change)
    before, now = (set(saved_scans.result(run).rows["occ_symbol"]) for run in (earlier, later))
    assert {one.occ_symbol for one in found if one.change is Change.ENTERED} == now - before
    assert {one.occ_symbol for one in found if one.change is Change.LEFT} == before - now
    for one in found:
        if one.symbol == "NVDA":
            assert one.verdict is Place.NO_CHAIN
        elif one.change is not Change.MOVED:
            assert isinstance(one.verdict, RejectionReason) or one.verdict in (Place.NOT_THE_BEST, Place.NOT_IN_CHAIN)
        else:
            assert one.rank_before != one.rank_now
            assert one.days == -2
    assert any(one.verdict is RejectionReason.DELTA_OUT_OF_RANGE for one in found)


@pytest.mark.usefixtures("stored")
def test_a_scheduled_scan_runs_once_when_due(saved_scans: SavedScanService, clock: SettableClock) -> None:
    scan_id = saved_scans.save(defined())
    saved_scans.set_schedule(scan_id, "every 30 min", watched=False)
    clock.now = datetime(2026, 11, 20, 15, 0, 30, tzinfo=UTC)
    assert (saved_scans.run_due(), saved_scans.run_due()) == (1, 0)
    clock.now += timedelta(minutes=29)
    assert saved_scans.run_due() == 0
    clock.now += timedelta(minutes=1)
    assert saved_scans.run_due() == 1
    assert [run.due_at for run in saved_scans.runs(scan_id)] == [
        datetime(2026, 11, 20, 15, 30, tzinfo=UTC),
        datetime(2026, 11, 20, 15, 0, tzinfo=UTC),
    ]
    saved_scans.set_schedule(scan_id, None, watched=False)
    clock.now += timedelta(hours=1)
    assert saved_scans.run_due() == 0


@pytest.mark.usefixtures("stored")
def test_one_scan_that_fails_does_not_stop_the_others(saved_scans: SavedScanService, clock: SettableClock) -> None:
    gone = saved_scans.save(defined("Gone", universe=ScanUniverse(UniverseKind.LIST, watchlist="Nobody's")))
    good = saved_scans.save(defined("Good"))
    for scan_id in (gone, good):
        saved_scans.set_schedule(scan_id, "every 15 min", watched=False)
    clock.now = datetime(2026, 11, 20, 15, 0, 30, tzinfo=UTC)
    assert saved_scans.run_due() == 1
    assert (len(saved_scans.runs(gone)), len(saved_scans.runs(good))) == (0, 1)


@pytest.mark.usefixtures("stored")
def test_entrants_of_a_watched_scan_are_an_alert(
    saved_scans: SavedScanService, alerts: MakeAlerts, watchlists: WatchlistService
) -> None:
    watchlist_id = watchlists.create_of("Few", ("KO",))
    scan_id = saved_scans.save(defined(universe=ScanUniverse(UniverseKind.LIST, watchlist="Few")))
    saved_scans.set_schedule(scan_id, None, watched=True)
    saved_scans.run(scan_id)
    assert saved_scans.watched() == ()
    watchlists.import_text(watchlist_id, "TSLA")
    saved_scans.run(scan_id)
    (watched,) = saved_scans.watched()
    service = alerts()
    service.look()
    told = [one for one in service.latest() if one.kind == "new in a saved scan"]
    assert [one.title for one in told] == [f"{len(watched.entered)} new in Mine"]
    assert all(name in told[0].body for name in watched.entered[:20])
    saved_scans.run(scan_id)
    assert saved_scans.watched() == ()


def test_names_are_taken_once_and_owners_keep_their_own(saved_scans: SavedScanService) -> None:
    mine = saved_scans.save(defined("Wheel"))
    with pytest.raises(InputError, match="wheel"):
        saved_scans.save(defined("wheel"))
    theirs = saved_scans.save(defined("Wheel"), owner_id=7)
    assert [one.scan_id for one in saved_scans.scans()] == [mine]
    with pytest.raises(InputError):
        saved_scans.run(theirs)
    with pytest.raises(InputError):
        saved_scans.set_schedule(theirs, "09:45", watched=True)
    saved_scans.delete(theirs)
    assert [one.scan_id for one in saved_scans.scans(7)] == [theirs]


def test_a_scan_goes_out_and_comes_in_again(saved_scans: SavedScanService) -> None:
    saved_scans.save(defined())
    (scan,) = saved_scans.scans()
    saved_scans.delete(scan.scan_id)
    saved_scans.import_json(scan.definition)
    (again,) = saved_scans.scans()
    assert (again.name, again.definition) == (scan.name, scan.definition)


@pytest.mark.usefixtures("stored")
def test_runs_are_kept_for_thirty_days(saved_scans: SavedScanService, clock: SettableClock) -> None:
    scan_id = saved_scans.save(defined())
    saved_scans.run(scan_id)
    clock.now += KEPT
    saved_scans.forget_old()
    assert len(saved_scans.runs(scan_id)) == 1
    clock.now += timedelta(seconds=1)
    saved_scans.forget_old()
    assert saved_scans.runs(scan_id) == ()


def test_a_scan_of_nothing_is_a_run_without_rows(saved_scans: SavedScanService) -> None:
    scan_id = saved_scans.save(defined())
    saved_scans.run(scan_id)
    (run,) = saved_scans.runs(scan_id)
    assert (run.fetched, run.shown, run.oldest_quote, run.sources) == (0, 0, None, [])
    assert saved_scans.result(run).rows.empty
