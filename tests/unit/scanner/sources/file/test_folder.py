"""Which file of a folder answers, and what the folder is said to hold."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from scanner.errors import (
    InputError,
    MalformedAnswerError,
    SourceUnavailableError,
    SymbolNotFoundError,
)
from scanner.model import Mode, SkippedSource
from scanner.sources.base import nearest_only
from scanner.sources.file import FileSource, holdings
from tests.unit.scanner.sources.file.saved import CALL, HEADER, NOW, PUT, calendar, save

LATER = "AAPL261218P00240000"


def table(bid: str = "1.10", *, at: datetime | None = None, code: str = PUT) -> str:
    time = "" if at is None else at.isoformat()
    return f"occ_symbol,bid,answer_time\n{code},{bid},{time}\n{code.replace('P00', 'C00')},2.0,{time}\n"


def source(folder: Path, *, now: datetime = NOW) -> FileSource:
    return FileSource(folder, clock=lambda: now, calendar=calendar())


def first_bid(folder: Path, *, now: datetime = NOW) -> float:
    return float(source(folder, now=now).chain("AAPL", nearest_only).contracts["bid"].iloc[0])


def test_it_says_what_it_can_give(tmp_path: Path) -> None:
    one = source(tmp_path)
    assert (one.name, one.mode) == ("file", Mode.LIVE)
    assert one.capabilities.quote_times
    assert one.capabilities.delay_seconds is None
    assert FileSource(tmp_path, clock=lambda: NOW, calendar=calendar(), mode=Mode.RECORDED).mode is Mode.RECORDED


def test_the_answer_carries_source_times_and_the_files_own_listing(tmp_path: Path) -> None:
    at = NOW - timedelta(minutes=3)
    save(tmp_path, table(at=at) + f"{LATER},3.0,\n")
    answer = source(tmp_path).chain("AAPL", nearest_only)
    assert (answer.source, answer.mode, answer.symbol) == ("file", Mode.LIVE, "AAPL")
    assert (answer.answer_time, answer.fetched_at) == (at, NOW)
    assert answer.listed_expirations == (date(2026, 11, 27), date(2026, 12, 18))
    assert list(answer.contracts["occ_symbol"]) == [PUT, CALL]
    assert answer.missing_expirations == ()
    assert answer.skipped == ()


def test_only_listed_expirations_can_be_chosen(tmp_path: Path) -> None:
    save(tmp_path, table())

    def unlisted(listed: Sequence[date]) -> Sequence[date]:
        return [date(2026, 12, 4)]

    with pytest.raises(InputError, match="are not listed for AAPL"):
        source(tmp_path).chain("AAPL", unlisted)


def test_the_newest_quotes_at_or_before_the_clock_answer(tmp_path: Path) -> None:
    for minutes in (60, 30, 10):
        save(tmp_path, table(f"{minutes}.5", at=NOW - timedelta(minutes=minutes)), name=f"{minutes}.csv")
    assert first_bid(tmp_path) == 10.5
    assert first_bid(tmp_path, now=NOW - timedelta(minutes=30)) == 30.5
    with pytest.raises(SymbolNotFoundError, match=r"its first file .* later than now"):
        first_bid(tmp_path, now=NOW - timedelta(hours=2))


def test_a_file_without_quote_time_counts_by_its_own(tmp_path: Path) -> None:
    save(tmp_path, table("1.5", at=NOW - timedelta(minutes=1)), name="a.csv")
    save(tmp_path, table("2.5"), name="b.csv")
    assert first_bid(tmp_path) == 2.5
    earlier = (NOW - timedelta(minutes=2)).timestamp()
    os.utime(tmp_path / "b.csv", (earlier, earlier))
    assert first_bid(tmp_path) == 1.5


def test_times_of_single_quotes_count(tmp_path: Path) -> None:
    save(tmp_path, table("1.5", at=NOW - timedelta(minutes=5)), name="a.csv")
    time = (NOW - timedelta(minutes=2)).isoformat()
    save(tmp_path, f"occ_symbol,bid,quote_time\n{PUT},2.5,{time}\n{CALL},9,\n", name="b.csv")
    assert first_bid(tmp_path) == 2.5


def test_a_symbol_without_a_file_names_the_folder(tmp_path: Path) -> None:
    save(tmp_path, table())
    save(tmp_path, "shopping list\n", name="notes.txt")
    with pytest.raises(SymbolNotFoundError) as caught:
        source(tmp_path).chain("MSFT", nearest_only)
    assert str(tmp_path) in caught.value.detail
    assert "not readable there: notes.txt" in caught.value.detail
    with pytest.raises(SymbolNotFoundError, match="not a symbol"):
        source(tmp_path).chain("not a symbol", nearest_only)


def test_a_share_class_is_found_by_its_root(tmp_path: Path) -> None:
    save(tmp_path, table(code="BRKB261127P00475000"))
    assert source(tmp_path).chain("BRK.B", nearest_only).symbol == "BRK.B"
    assert holdings(tmp_path, calendar()).symbols == ("BRKB",)


def test_a_broken_file_of_the_symbol_is_an_error_for_it_may_be_the_newest(tmp_path: Path) -> None:
    save(tmp_path, table(), name="good.csv")
    save(tmp_path, table(code="MSFT261127P00500000"), name="other.csv")
    save(tmp_path, table().rstrip("\n"), name="cut.csv")
    with pytest.raises(MalformedAnswerError, match=r"cut\.csv, line 3") as caught:
        source(tmp_path).chain("AAPL", nearest_only)
    assert caught.value.symbol == "AAPL"
    assert source(tmp_path).chain("MSFT", nearest_only).skipped == ()


def test_a_file_of_which_nothing_is_known_is_named_beside_the_answer(tmp_path: Path) -> None:
    save(tmp_path, table())
    save(tmp_path, b"\x00\x01\x02", name="garbage")
    (skipped,) = source(tmp_path).chain("AAPL", nearest_only).skipped
    assert isinstance(skipped, SkippedSource)
    assert (skipped.source, skipped.error_class) == ("file", "MalformedAnswerError")
    assert skipped.detail.startswith("garbage: found binary data")


def test_hidden_files_maps_folders_and_pipes_are_no_chains(tmp_path: Path) -> None:
    save(tmp_path, table(), column_map="decimal = '.'")
    save(tmp_path, "x\n", name=".hidden")
    (tmp_path / "columns.toml").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    held = holdings(tmp_path, calendar())
    assert [file.path.name for file in held.files] == ["chain.csv"]
    assert held.refused == ()


def test_links_may_lead_out_of_the_folder(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    folder.mkdir()
    (folder / "link.csv").symlink_to(save(outside, table()))
    assert holdings(folder, calendar()).symbols == ("AAPL",)


def test_the_holdings_say_what_is_there_and_what_is_not_readable(tmp_path: Path) -> None:
    at = NOW - timedelta(minutes=4)
    save(tmp_path, table(at=at), name="a.csv", column_map='source = "Broker"')
    save(tmp_path, table(at=NOW - timedelta(days=1), code="MSFT261127P00500000"), name="m.csv")
    save(tmp_path, "what?\n", name="z.csv")
    held = holdings(tmp_path, calendar())
    assert (held.symbols, held.newest) == (("AAPL", "MSFT"), at)
    assert (held.files[0].source, held.files[0].format, held.files[0].quote_time) == ("Broker", "table", at)
    (refused,) = held.refused
    assert (refused.path.name, refused.symbol) == ("z.csv", None)
    assert "expected Cboe's quotedata" in refused.error.detail


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    held = holdings(tmp_path, calendar())
    assert (held.symbols, held.newest, held.files) == ((), None, ())


def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailableError, match="cannot be read"):
        holdings(tmp_path / "nowhere", calendar())
    with pytest.raises(SourceUnavailableError):
        source(tmp_path / "nowhere").chain("AAPL", nearest_only)


def test_files_and_maps_may_change_while_it_runs(tmp_path: Path) -> None:
    one = source(tmp_path)
    path = save(tmp_path, table("1.5"))
    assert one.chain("AAPL", nearest_only).contracts["bid"].iloc[0] == 1.5
    save(tmp_path, table("21.25"))
    assert one.chain("AAPL", nearest_only).contracts["bid"].iloc[0] == 21.25
    path.with_name("chain.csv.columns.toml").write_text('symbol = "MSFT"')
    with pytest.raises(MalformedAnswerError, match="contracts of AAPL where MSFT is stated"):
        raise one.holdings().refused[0].error
    path.unlink()
    assert one.holdings().files == ()


def test_unchanged_files_are_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, table())
    one = source(tmp_path)
    before = one.holdings()

    def unexpected(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr("scanner.sources.file.saved.read_file", unexpected)
    assert one.holdings() == before


def test_a_file_replaced_by_another_symbol_while_it_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, table())
    one = source(tmp_path)
    one.holdings()
    save(tmp_path, table(code="MSFT261127P00500000"))
    monkeypatch.setattr("scanner.sources.file.saved.stamp_of", lambda path: one._saved._known[path][0])
    with pytest.raises(MalformedAnswerError, match="was replaced while it was read"):
        one.chain("AAPL", nearest_only)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    save(tmp_path, HEADER).chmod(0)
    assert "check its permissions" in holdings(tmp_path, calendar()).refused[0].error.detail


def test_a_file_that_goes_away_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.sources.file.saved.paths_of", lambda folder: [folder / "gone.csv"])
    assert "No such file" in holdings(tmp_path, calendar()).refused[0].error.detail


def test_the_newest_time_is_utc(tmp_path: Path) -> None:
    save(tmp_path, table())
    newest = holdings(tmp_path, calendar()).newest
    assert newest is not None
    assert newest.tzinfo is UTC
