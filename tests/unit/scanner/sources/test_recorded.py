"""Saving and playing back: nothing is lost, the right answer is chosen, broken files say so."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scanner.errors import InputError, MalformedAnswerError, SchemaError, SourceUnavailableError, SymbolNotFoundError
from scanner.model import ChainSnapshot, Mode, SkippedSource, UnderlyingQuote
from scanner.schema import CHAIN
from scanner.sources.base import nearest_only
from scanner.sources.recorded import RecordedSource, file_name, read_snapshot, save_snapshot

FETCHED_AT = datetime(2026, 11, 20, 17, 30, 0, 123456, tzinfo=UTC)
NEAR, FAR, GONE = date(2026, 11, 27), date(2026, 12, 18), date(2027, 1, 15)


def everything(listed: Sequence[date]) -> Sequence[date]:
    return listed


def contracts() -> pd.DataFrame:
    """Four contracts by hand, with a null in every column that may be null."""
    frame = pd.DataFrame(
        {
            "root": ["BRKB", "BRKB", "BRKB1", "BRKB"],
            "expiration": [NEAR, NEAR, NEAR, FAR],
            "option_type": ["put", "call", "put", "call"],
            "strike": [475.0, 477.5, 0.1 + 0.2, 480.0],
            "occ_symbol": ["BRKB261127P00475000", "BRKB261127C00477500", "BRKB1261127P00000300", "BRKB261218C00480000"],
            "multiplier": [100, 100, 150, 100],
            "adjusted": [False, False, True, False],
            "bid": [1.1, None, 0.0, 1e-05],
            "ask": [1.15, 2.0, None, 1 / 3],
            "last": [None, 1.95, 12_345_678.9, 0.1],
            "volume": [0.0, None, 12.0, 3.0],
            "open_interest": [None, 5.0, 9_007_199_254_740_991.0, 0.0],
            "vendor_iv": [0.2500070001, 0.35, None, 1.2],
            "quote_time": [FETCHED_AT, None, FETCHED_AT - timedelta(microseconds=1), FETCHED_AT],
        }
    )
    return frame.astype({column.name: column.dtype for column in CHAIN.columns})[CHAIN.names]


def snapshot(**changes: Any) -> ChainSnapshot:
    whole = ChainSnapshot(
        symbol="BRK.B",
        source="yahoo",
        mode=Mode.LIVE,
        fetched_at=FETCHED_AT,
        answer_time=None,
        underlying=UnderlyingQuote(
            bid=475.1, ask=475.2, last=None, quote_time=FETCHED_AT, last_time=None, volume=3.1e6
        ),
        listed_expirations=(NEAR, FAR, GONE),
        contracts=contracts(),
        unreadable={"Größe": 2},
        missing_expirations=(GONE,),
        notes={"placeholder_iv": 7},
        skipped=(SkippedSource("robinhood", "SourceTimeoutError", "no answer within 5 s"),),
    )
    return replace(whole, **changes)


def test_saving_and_reading_back_loses_nothing(tmp_path: Path) -> None:
    before = snapshot()
    after = read_snapshot(save_snapshot(before, tmp_path))
    pd.testing.assert_frame_equal(after.contracts, before.contracts, check_exact=True)
    assert replace(after, contracts=before.contracts, mode=Mode.LIVE) == before
    assert after.mode is Mode.RECORDED


def test_an_empty_chain_survives(tmp_path: Path) -> None:
    after = read_snapshot(save_snapshot(snapshot(contracts=CHAIN.empty()), tmp_path))
    pd.testing.assert_frame_equal(after.contracts, CHAIN.empty(), check_index_type=False)


def test_the_file_can_be_read_by_people(tmp_path: Path) -> None:
    path = save_snapshot(snapshot(), tmp_path / "new" / "folder")
    assert path.name == "BRK.B-20261120T173000123456Z.json"
    lines = path.read_text(encoding="utf-8").splitlines()
    assert ' "symbol": "BRK.B",' in lines
    assert ' "mode": "live",' in lines
    assert ' "unreadable": {"Größe": 2},' in lines
    row = next(line for line in lines if "BRKB261127P00475000" in line)
    assert row.startswith(
        '  ["BRKB", "2026-11-27", "put", 475.0, "BRKB261127P00475000", 100, false, 1.1, 1.15, null, 0.0'
    )
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_time_of_another_zone_names_the_same_file() -> None:
    tokyo = FETCHED_AT.astimezone(datetime.fromisoformat("2026-01-01T00:00+09:00").tzinfo)
    assert file_name("AAPL", tokyo) == file_name("AAPL", FETCHED_AT)


@pytest.mark.parametrize("symbol", ["../AAPL", "aapl", "BRK-B", ""])
def test_a_symbol_that_is_not_canonical_names_no_file(tmp_path: Path, symbol: str) -> None:
    with pytest.raises(InputError):
        save_snapshot(snapshot(symbol=symbol), tmp_path)
    assert not list(tmp_path.iterdir())


def test_contracts_that_are_no_chain_are_not_saved(tmp_path: Path) -> None:
    with pytest.raises(SchemaError):
        save_snapshot(snapshot(contracts=contracts().drop(columns="bid")), tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_latest_answer_at_or_before_the_clock_is_played(tmp_path: Path) -> None:
    for minutes in (0, 10, 20):
        save_snapshot(snapshot(fetched_at=FETCHED_AT + timedelta(minutes=minutes)), tmp_path)

    def played(clock: Callable[[], datetime] | None) -> float:
        fetched_at = RecordedSource(tmp_path, clock).chain("BRK.B", nearest_only).fetched_at
        return (fetched_at - FETCHED_AT).total_seconds() / 60

    assert played(None) == 20
    assert played(lambda: FETCHED_AT + timedelta(minutes=19)) == 10
    assert played(lambda: FETCHED_AT + timedelta(minutes=10)) == 10
    with pytest.raises(SymbolNotFoundError, match="later than now"):
        played(lambda: FETCHED_AT - timedelta(microseconds=1))


def test_files_added_later_are_seen(tmp_path: Path) -> None:
    source = RecordedSource(tmp_path)
    assert source.symbols() == ()
    save_snapshot(snapshot(), tmp_path)
    save_snapshot(snapshot(symbol="AAPL"), tmp_path)
    assert source.symbols() == ("AAPL", "BRK.B")


def test_only_the_chosen_expirations_are_played(tmp_path: Path) -> None:
    save_snapshot(snapshot(), tmp_path)
    answer = RecordedSource(tmp_path).chain("BRK.B", lambda listed: listed[1:])
    assert list(answer.contracts["occ_symbol"]) == ["BRKB261218C00480000"]
    assert answer.missing_expirations == (GONE,)
    assert answer.listed_expirations == (NEAR, FAR, GONE)
    near = RecordedSource(tmp_path).chain("BRK.B", nearest_only)
    assert len(near.contracts) == 3
    assert near.missing_expirations == ()
    with pytest.raises(InputError, match="not listed"):
        RecordedSource(tmp_path).chain("BRK.B", lambda listed: [date(2026, 1, 1)])


def test_a_missing_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailableError, match="name one of saved answers"):
        RecordedSource(tmp_path / "nowhere").chain("AAPL", everything)


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    save_snapshot(snapshot(), tmp_path)
    (tmp_path / "README.md").write_text("notes")
    assert RecordedSource(tmp_path).symbols() == ("BRK.B",)


def change(path: Path, **values: Any) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    document.update(values)
    path.write_text(json.dumps(document), encoding="utf-8")


def row(**values: Any) -> list[list[Any]]:
    """One good row with some values exchanged."""
    good = ["BRKB", "2026-11-27", "put", 475.0, "BRKB261127P00475000", 100, False, 1, 2.0, None, 0, 1.0, None, None]
    return [[values.get(name, value) for name, value in zip(CHAIN.names, good, strict=True)]]


BROKEN = {
    "a newer version": ({"version": 2}, "version 2, this program reads 1: update"),
    "no version": ({"version": None}, "version None"),
    "another format": ({"format": "x"}, "no format"),
    "another symbol": ({"symbol": "AAPL"}, "correct its name"),
    "no symbol at all": ({"symbol": "no symbol"}, "SymbolError"),
    "unknown mode": ({"mode": "guessed"}, "guessed"),
    "time without zone": ({"fetched_at": "2026-11-20T17:30:00.123456"}, "no time zone"),
    "time that is none": ({"fetched_at": "soon"}, "soon"),
    "null time": ({"fetched_at": None}, "TypeError"),
    "no underlying": ({"underlying": None}, "no object"),
    "no ask": ({"underlying": {"bid": 475.0}}, "ask"),
    "price as text": ({"underlying": {"bid": "475"}}, "no number"),
    "other columns": ({"columns": ["root"]}, "columns"),
    "short row": ({"contracts": [["BRKB"]]}, "more or fewer values"),
    "rows that are none": ({"contracts": [1]}, "TypeError"),
    "bid as text": ({"contracts": row(bid="1.0")}, "no number"),
    "bid as flag": ({"contracts": row(bid=True)}, "no number"),
    "negative bid": ({"contracts": row(bid=-999.0)}, "bid is below 0"),
    "endless bid": ({"contracts": row(bid=1e999)}, "infinite"),
    "root as number": ({"contracts": row(root=1)}, "is no str"),
    "multiplier with a fraction": ({"contracts": row(multiplier=100.5)}, "is no int"),
    "flag as number": ({"contracts": row(adjusted=0)}, "is no bool"),
    "no strike": ({"contracts": row(strike=None)}, "strike has 1 unknown"),
    "no such day": ({"contracts": row(expiration="2026-02-30")}, "ValueError"),
    "a list": ({"listed_expirations": None}, "TypeError"),
    "unreadable as a list": ({"unreadable": [1]}, "no object"),
    "negative unreadable": ({"unreadable": {"row": -1}}, "no count"),
    "source as number": ({"source": 1}, "no text"),
}


@pytest.mark.parametrize(("values", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_names_itself_and_what_is_wrong(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    path = save_snapshot(snapshot(), tmp_path)
    change(path, **values)
    with pytest.raises(MalformedAnswerError, match=message) as caught:
        RecordedSource(tmp_path).chain("BRK.B", everything)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("key", json.loads('["symbol", "source", "mode", "fetched_at", "underlying", "contracts"]'))
def test_a_file_without_a_part_is_broken(tmp_path: Path, key: str) -> None:
    path = save_snapshot(snapshot(), tmp_path)
    document = json.loads(path.read_text(encoding="utf-8"))
    del document[key]
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(MalformedAnswerError, match=key):
        RecordedSource(tmp_path).chain("BRK.B", everything)


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"null", b"\xff\xfe\x00", b'{"format": "options-scanner'])
def test_what_is_no_saved_answer_is_broken(tmp_path: Path, content: bytes) -> None:
    path = save_snapshot(snapshot(), tmp_path)
    path.write_bytes(content)
    with pytest.raises(MalformedAnswerError, match="not a saved answer"):
        RecordedSource(tmp_path).chain("BRK.B", everything)


@pytest.mark.parametrize("name", ["chain.json", "AAPL.json", "AAPL-20261399T173000123456Z.json"])
def test_a_json_file_with_another_name_is_not_passed_over(tmp_path: Path, name: str) -> None:
    save_snapshot(snapshot(), tmp_path)
    (tmp_path / name).write_text("{}")
    with pytest.raises(MalformedAnswerError, match=name):
        RecordedSource(tmp_path).chain("BRK.B", everything)


def test_a_broken_file_of_one_symbol_leaves_the_others(tmp_path: Path) -> None:
    save_snapshot(snapshot(), tmp_path)
    save_snapshot(snapshot(symbol="AAPL"), tmp_path).write_text("{")
    assert len(RecordedSource(tmp_path).chain("BRK.B", everything).contracts) == 4
