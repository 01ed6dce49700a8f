"""Watchlists in a real database: what is imported is exported, what is done can be undone, owners see their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.services.sync import SyncService
from app.services.watchlists import WatchlistService
from db.engine import Database
from scanner.errors import InputError
from tests.integration.app.conftest import SettableClock
from tests.reference.shared_data import shared_path

TEXT = "###Tech,NASDAQ:AAPL, NYSE:BRK.B\n###Empty\n###Other,FX:EURUSD\tCOIN,,NASDAQ:AAPL\n"


@pytest.fixture
def lists(database: Database, clock: SettableClock, sync: SyncService) -> WatchlistService:
    return WatchlistService(database=database, clock=clock, sync=sync)


def test_what_is_imported_is_exported_byte_for_byte(lists: WatchlistService) -> None:
    number = lists.create("Mine")
    report = lists.import_text(number, TEXT)
    assert report.added == ("AAPL", "BRK.B", "COIN")
    assert report.duplicate == ("NASDAQ:AAPL",)
    assert report.others == (("FX:EURUSD", "forex"),)
    assert report.sections == 3
    assert lists.text(number) == TEXT
    assert lists.symbols(number) == ("AAPL", "BRK.B", "COIN")
    (head,) = lists.lists()
    assert (head.name, head.symbols, head.others, head.synced_at) == ("Mine", 3, 1, None)


def test_the_sample_comes_back_as_it_was(lists: WatchlistService) -> None:
    content = shared_path("tradingview/sample_with_sections.txt").read_bytes()
    number = lists.create("Sample")
    lists.import_file(number, content)
    assert lists.text(number).encode() == content


def test_more_is_added_at_the_end_and_nothing_twice(lists: WatchlistService) -> None:
    number = lists.create("Mine")
    lists.import_text(number, "AAPL,KO")
    report = lists.import_text(number, "KO,MSFT,BRKB")
    assert (report.added, report.duplicate) == (("MSFT", "BRK.B"), ("KO",))
    assert lists.text(number) == "AAPL,KO,MSFT,BRKB"


def test_what_was_not_touched_stays_as_it_was_written(lists: WatchlistService) -> None:
    number = lists.create("Mine")
    lists.import_text(number, TEXT)
    assert lists.remove(number, ["COIN"]) == 1
    assert lists.text(number) == TEXT.replace("\tCOIN", "")


def test_a_csv_gives_its_symbols(lists: WatchlistService) -> None:
    number = lists.create("Mine")
    assert lists.import_file(number, b"Name,Symbol\nApple,AAPL\nCoke,KO\n").added == ("AAPL", "KO")


def test_nothing_to_import_is_said(lists: WatchlistService) -> None:
    number = lists.create("Mine")
    with pytest.raises(InputError, match="no symbol in it"):
        lists.import_text(number, " , \n")


@pytest.mark.parametrize("name", ["", "   ", "x" * 101])
def test_a_list_needs_a_name(lists: WatchlistService, name: str) -> None:
    with pytest.raises(InputError, match="needs a name"):
        lists.create(name)


def test_names_are_taken_once_whatever_their_case(lists: WatchlistService) -> None:
    first = lists.create("Mine")
    second = lists.create("Yours")
    for refused in (
        lambda: lists.create(" mine "),
        lambda: lists.rename(second, "MINE"),
        lambda: lists.copy(first, "yours"),
    ):
        with pytest.raises(InputError, match="already"):
            refused()
    assert [head.name for head in lists.lists()] == ["Mine", "Yours"]


def test_a_deleted_list_comes_back_whole_and_is_forgotten_after_30_days(
    lists: WatchlistService, clock: SettableClock
) -> None:
    number = lists.create("Mine")
    lists.import_text(number, TEXT)
    lists.delete(number)
    assert lists.lists() == ()
    assert lists.symbols(number) == ()
    lists.restore(number)
    assert lists.text(number) == TEXT
    lists.delete(number)
    lists.create("Mine")
    with pytest.raises(InputError, match="has its name now"):
        lists.restore(number)
    clock.now += timedelta(days=31)
    lists.forget_deleted()
    with pytest.raises(InputError, match="no such list"):
        lists.restore(number)


def test_order_colour_and_copies(lists: WatchlistService) -> None:
    numbers = [lists.create(name) for name in ("A", "B", "C")]
    lists.move(numbers[2], -1)
    assert [head.name for head in lists.lists()] == ["A", "C", "B"]
    lists.move(numbers[0], -1)
    lists.move(numbers[1], 5)
    assert [head.name for head in lists.lists()] == ["A", "C", "B"]
    lists.set_colour(numbers[0], "🔴")
    lists.import_text(numbers[0], TEXT)
    copy = lists.copy(numbers[0], "D")
    assert lists.text(copy) == TEXT
    assert lists.lists()[0].colour == "🔴"
    lists.remove(copy, ["COIN"])
    assert lists.text(numbers[0]) == TEXT


def test_owners_see_and_change_their_own(lists: WatchlistService) -> None:
    mine = lists.create("Mine", 1)
    lists.create("Mine", 2)
    lists.import_text(mine, "AAPL", 1)
    assert [head.symbols for head in lists.lists(1)] == [1]
    assert [head.symbols for head in lists.lists(2)] == [0]
    assert lists.lists() == ()
    assert lists.entries(mine, 2) == ()
    attempts: list[Callable[[], object]] = [
        lambda: lists.rename(mine, "Other", 2),
        lambda: lists.delete(mine, 2),
        lambda: lists.import_text(mine, "KO", 2),
        lambda: lists.remove(mine, ["AAPL"], 2),
    ]
    for attempt in attempts:
        with pytest.raises(InputError, match="no such list"):
            attempt()
    assert lists.symbols(mine, 1) == ("AAPL",)


def test_a_sync_of_a_list_is_a_run_of_its_symbols(
    lists: WatchlistService, sync: SyncService, clock: SettableClock
) -> None:
    number = lists.create("Mine")
    with pytest.raises(InputError, match="no symbol with options"):
        lists.sync(number)
    lists.import_text(number, "NASDAQ:AAPL,KO,FX:EURUSD")
    run_id = lists.sync(number)
    progress = sync.progress(run_id)
    assert progress is not None
    assert progress.total == 2
    (head,) = lists.lists()
    assert (head.synced_at, head.run_id) == (clock.now, run_id)
