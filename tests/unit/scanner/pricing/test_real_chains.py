"""Recorded chains of real vendors: our figures against Cboe's own, and everything either priced or reasoned."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from scanner.calendar import MarketCalendar
from scanner.model import ChainSnapshot, Mode
from scanner.pricing.chain import price_chain
from scanner.pricing.rates import RateCurve
from scanner.sources.yahoo.options import chain_frame, market_time, read_answer, underlying_quote
from tests.reference.cboe import read_cboe
from tests.reference.shared_data import shared_path

TREASURY = {2020: 0.006, 2025: 0.041}
"""About the half-year Treasury rate of the year; volatilities from mids hardly depend on it."""

FILES = [
    ("fagan2888/quotedata.dat", "2020-03-20 16:00:00"),
    ("hgnicej/5f7a18e5_spx_quotedata-3.csv", "2025-10-01 16:00:00"),
    ("hgnicej/edb94335_spx_quotedata-5.csv", "2025-10-01 16:00:00"),
    ("ralph-e-boy/406e5ff2_quotedata.csv", "2025-08-29 16:00:00"),
    ("ralph-e-boy/5a3a8177_quotedata.csv", "2025-09-02 16:00:00"),
]


def comparison(file: str, quoted: str, calendar: MarketCalendar) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Own figures beside Cboe's for out-of-the-money contracts of 5-50 delta on expirations whose quotes are clean,
    and the reference rows of those expirations."""
    reference = pd.read_csv(shared_path("cboe/skew25_reference.csv"))
    reference = reference[(reference["file"] == file) & reference["good"]]
    quoted_at = datetime.fromisoformat(quoted).replace(tzinfo=ZoneInfo("America/New_York"))
    chain = read_cboe(shared_path(f"cboe/{file}"), quoted_at=quoted_at)
    priced = price_chain(chain.snapshot, calendar=calendar, rates=RateCurve.flat(TREASURY[quoted_at.year]))
    frame = pd.DataFrame(dict(priced.columns)).assign(
        root=chain.snapshot.contracts["root"],
        expiry=chain.snapshot.contracts["expiration"].dt.strftime("%Y-%m-%d"),
        out=chain.snapshot.contracts["strike"].ge(priced.columns["forward"]) == priced.is_call,
        cboe_iv=chain.vendor["iv"],
        cboe_delta=chain.vendor["delta"],
    )
    known = frame["iv"].notna() & (frame["cboe_iv"] > 0) & frame["cboe_delta"].abs().between(0.05, 0.5)
    return frame[known & frame["out"]].merge(reference, on=["root", "expiry"]), reference


@pytest.mark.parametrize(("file", "quoted"), FILES)
def test_own_volatility_against_cboes_on_clean_expirations(file: str, quoted: str, calendar: MarketCalendar) -> None:
    frame, reference = comparison(file, quoted, calendar)
    by_parity = frame[frame["forward_method"] != "spot_carry"]
    apart = (by_parity["iv"] - by_parity["cboe_iv"]).abs()
    by_expiration = apart.groupby([by_parity["root"], by_parity["expiry"]]).median()
    assert len(by_expiration) >= len(reference) - 1
    assert by_expiration.median() <= 0.0005
    assert by_expiration.max() <= 0.001
    assert (by_parity["delta"] - by_parity["cboe_delta"]).abs().median() <= 0.005


def test_own_volatility_against_cboes_over_all_files(calendar: MarketCalendar) -> None:
    frames = [comparison(file, quoted, calendar)[0] for file, quoted in FILES]
    everything = pd.concat(frames, ignore_index=True)
    everything = everything[everything["forward_method"] != "spot_carry"]
    assert len(everything) > 1500
    assert (everything["iv"] - everything["cboe_iv"]).abs().median() <= 0.0005


@pytest.mark.parametrize(("file", "quoted"), FILES)
def test_years_and_forwards_agree_with_the_reference(file: str, quoted: str, calendar: MarketCalendar) -> None:
    """The reference forward had its own rate and choice of strikes; most agree within two basis points."""
    frame, _ = comparison(file, quoted, calendar)
    by_expiration = frame[frame["forward_method"] != "spot_carry"].groupby(["root", "expiry"]).first()
    hours_apart = (by_expiration["years_to_expiry"] - by_expiration["T"]).abs() * 365 * 24
    assert (hours_apart <= 2.01).all()  # the reference has no clock change (1 h) and no half-day of 28 November (3 h)
    assert ((by_expiration["forward"] / by_expiration["fwd"] - 1).abs()).median() <= 2e-4


def yahoo_chain(recorded: Any) -> ChainSnapshot:
    answer = read_answer(recorded, "AAPL")
    contracts, unreadable, _ = chain_frame(answer.blocks)
    return ChainSnapshot(
        symbol="AAPL",
        source="yahoo",
        mode=Mode.RECORDED,
        fetched_at=datetime(2016, 9, 6, 20, 30, tzinfo=UTC),
        answer_time=market_time(answer.quote),
        underlying=underlying_quote(answer.quote),
        listed_expirations=tuple(answer.listed),
        contracts=contracts,
        unreadable=unreadable,
    )


def test_the_apple_chain_of_2016_is_priced_or_reasoned(calendar: MarketCalendar) -> None:
    chain = yahoo_chain(json.loads(shared_path("yahoo/pandas-datareader/yahoo_options1.json").read_text()))
    priced = price_chain(chain, calendar=calendar, rates=RateCurve.flat(0.004))
    columns = priced.columns
    known = ~np.isnan(columns["iv"])
    assert len(known) == len(chain.contracts) > 50
    assert [bool(reason) for reason in columns["iv_reason"]] == (~known).tolist()
    assert known.sum() > len(known) / 2
    assert priced.quote_time_unknown.all()
    assert set(columns["forward_method"]) == {"parity_american"}
    spot, forward = columns["spot"][0], columns["forward"][0]
    assert spot == pytest.approx(107.7, abs=0.5)
    assert forward == pytest.approx(spot, rel=0.003)
    near = known & (np.abs(chain.contracts["strike"].to_numpy() / spot - 1) < 0.05)
    assert near.sum() > 10
    assert np.all((columns["iv"][near] > 0.1) & (columns["iv"][near] < 0.8))
    for name in ("delta", "gamma", "theta", "vega", "rho", "prob_otm", "prob_touch"):
        assert np.isfinite(columns[name][known]).all(), name
        assert np.isnan(columns[name][~known]).all(), name
