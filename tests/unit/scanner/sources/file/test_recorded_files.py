"""Every recorded chain of Cboe, read here and by an independent reader."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scanner.errors import MalformedAnswerError
from scanner.model import UnderlyingQuote
from scanner.pricing.chain import price_chain
from scanner.pricing.rates import RateCurve
from scanner.schema import CHAIN
from scanner.sources.file import FileSource
from scanner.sources.file.folder import read_file
from tests.reference.cboe import read_cboe
from tests.reference.shared_data import shared_path
from tests.unit.scanner.sources.file.saved import calendar

LABOR_DAY, EARLY, EVENING, SUNDAY = (
    "ralph-e-boy/406e5ff2_quotedata.csv",
    "ralph-e-boy/5a3a8177_quotedata.csv",
    "hgnicej/5f7a18e5_spx_quotedata-3.csv",
    "fagan2888/quotedata.dat",
)
FILES = (LABOR_DAY, EARLY, EVENING, "hgnicej/edb94335_spx_quotedata-5.csv", SUNDAY)


def expected(path: Path) -> pd.DataFrame:
    """The independent reading, with Cboe's zeros for "unknown" taken out by the rules of docs/file-source.md."""
    frame = read_cboe(path, quoted_at=datetime(2025, 1, 1, tzinfo=UTC)).snapshot.contracts.copy()
    figures = ["bid", "ask", "last", "volume", "open_interest", "vendor_iv"]
    empty = (frame[figures].fillna(0) == 0).all(axis=1)
    frame.loc[frame["ask"] == 0, "ask"] = np.nan
    frame.loc[(frame["bid"] == 0) & frame["ask"].isna(), "bid"] = np.nan
    frame.loc[empty, ["volume", "open_interest"]] = np.nan
    frame["quote_time"] = pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us, UTC]")
    return frame[CHAIN.names]


@pytest.mark.parametrize("name", FILES)
def test_every_contract_is_read_as_the_independent_reader_does(name: str) -> None:
    path = shared_path(f"cboe/{name}")
    _, chain = read_file(path, calendar())
    pd.testing.assert_frame_equal(chain.contracts, expected(path), check_exact=True)
    assert chain.unreadable == {}


def test_no_file_was_forgotten() -> None:
    folder = shared_path("cboe")
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {*FILES, "skew25_reference.csv"}


def test_what_is_no_chain_is_refused() -> None:
    with pytest.raises(MalformedAnswerError, match=r"skew25_reference\.csv, line 1: found 'file,asof"):
        read_file(shared_path("cboe/skew25_reference.csv"), calendar())


@pytest.mark.parametrize(
    ("name", "symbol", "stated", "market", "underlying"),
    [
        (
            SUNDAY,
            "SPX",
            datetime(2020, 3, 22, 22, 24, tzinfo=UTC),
            datetime(2020, 3, 20, 20, tzinfo=UTC),
            UnderlyingQuote(last=2304.92, last_time=datetime(2020, 3, 20, 20, tzinfo=UTC)),
        ),
        (
            LABOR_DAY,
            "SPY",
            datetime(2025, 9, 1, 22, 50, tzinfo=UTC),
            datetime(2025, 8, 29, 20, tzinfo=UTC),
            UnderlyingQuote(last=645.05, last_time=datetime(2025, 8, 29, 20, tzinfo=UTC), volume=74_482_292.0),
        ),
        (
            EARLY,
            "SPY",
            datetime(2025, 9, 3, 13, 24, tzinfo=UTC),
            datetime(2025, 9, 2, 20, tzinfo=UTC),
            UnderlyingQuote(),
        ),
        (
            EVENING,
            "SPX",
            datetime(2025, 10, 1, 22, 3, tzinfo=UTC),
            datetime(2025, 10, 1, 20, tzinfo=UTC),
            UnderlyingQuote(last=6711.2002, last_time=datetime(2025, 10, 1, 20, tzinfo=UTC)),
        ),
    ],
)
def test_the_lines_above_the_table(
    name: str, symbol: str, stated: datetime, market: datetime, underlying: UnderlyingQuote
) -> None:
    """Times by hand from the files and the calendar; the market times are those of the recorded skew table."""
    held, chain = read_file(shared_path(f"cboe/{name}"), calendar())
    assert (chain.symbol, chain.stated_time, chain.answer_time) == (symbol, stated, market)
    assert (held.fetched_at, held.quote_time) == (stated, market)
    assert chain.underlying == underlying


def test_the_market_times_are_those_of_the_recorded_skew_table() -> None:
    skew = pd.read_csv(shared_path("cboe/skew25_reference.csv"))
    for name, rows in skew.groupby("file"):
        quoted = pd.to_datetime(rows["quote_time"]).dt.tz_localize("America/New_York").dt.tz_convert("UTC").unique()
        _, chain = read_file(shared_path(f"cboe/{name}"), calendar())
        assert [chain.answer_time] == [time.to_pydatetime() for time in quoted]


def test_the_market_time_is_the_one_cboes_own_volatilities_are_of(tmp_path: Path) -> None:
    """Labor Day's file: with the time of its download the median difference would be 0.085."""
    (tmp_path / "quotedata.csv").symlink_to(shared_path(f"cboe/{LABOR_DAY}"))
    now = datetime(2025, 9, 2, 1, tzinfo=UTC)
    answer = FileSource(tmp_path, clock=lambda: now, calendar=calendar()).chain("SPY", lambda listed: listed[:3])
    priced = price_chain(answer, calendar=calendar(), rates=RateCurve.flat(0.043))
    apart = np.abs(priced.columns["iv"] - answer.contracts["vendor_iv"].to_numpy())
    assert np.isfinite(apart).sum() > 300
    assert np.nanmedian(apart) < 0.002
