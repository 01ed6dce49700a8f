"""Cboe's recorded SPX and SPY chains: our volatilities, skew and smiles beside Cboe's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from scanner.calendar import MarketCalendar
from scanner.conventions import VEGA_PER_VOL_POINT
from scanner.pricing.arbitrage import ExecutableQuotes, executable_arbitrage
from scanner.pricing.arrays import Flags, Floats
from scanner.pricing.black_scholes import greeks
from scanner.pricing.chain import price_chain
from scanner.pricing.chain_smiles import ChainSmiles, chain_smiles
from scanner.pricing.forward import parity_forwards
from scanner.pricing.implied_volatility import implied_volatility
from scanner.pricing.quotes import QuoteArrays, read_quotes
from scanner.pricing.rates import RateCurve
from scanner.pricing.skew import SkewInputs, skew_inputs
from scanner.symbols import is_index_root
from tests.reference.cboe import read_cboe

TREASURY: Final = {2020: 0.006, 2025: 0.041}
"""About the half-year Treasury rate of the year; volatilities from mids hardly depend on it."""

FILES: Final = (
    ("fagan2888/quotedata.dat", "2020-03-20 16:00:00"),
    ("hgnicej/5f7a18e5_spx_quotedata-3.csv", "2025-10-01 16:00:00"),
    ("hgnicej/edb94335_spx_quotedata-5.csv", "2025-10-01 16:00:00"),
    ("ralph-e-boy/406e5ff2_quotedata.csv", "2025-08-29 16:00:00"),
    ("ralph-e-boy/5a3a8177_quotedata.csv", "2025-09-02 16:00:00"),
)


@dataclass(frozen=True)
class Chain:
    """`contracts`: one row per contract, ours and Cboe's figures; `group` numbers the (root, expiration)s."""

    file: str
    day: str
    symbol: str
    quotes: QuoteArrays
    smiles: ChainSmiles
    contracts: pd.DataFrame

    @property
    def title(self) -> str:
        return f"{self.symbol}, {self.day}"

    @property
    def american(self) -> bool:
        return not is_index_root(self.symbol)


def read_chains(folder: Path) -> Iterator[Chain]:
    """Every recorded chain under `folder`, the one that holds cboe/."""
    calendar = MarketCalendar(date(2019, 1, 1), date(2028, 12, 31))
    for file, quoted in FILES:
        quoted_at = datetime.fromisoformat(quoted).replace(tzinfo=ZoneInfo("America/New_York"))
        recorded = read_cboe(folder / "cboe" / file, quoted_at=quoted_at)
        snapshot = recorded.snapshot
        priced = price_chain(snapshot, calendar=calendar, rates=RateCurve.flat(TREASURY[quoted_at.year]))
        quotes, smiles = read_quotes(snapshot), chain_smiles(snapshot, priced)
        frame = pd.DataFrame(dict(priced.columns)).assign(
            root=snapshot.contracts["root"],
            expiry=snapshot.contracts["expiration"].dt.strftime("%Y-%m-%d"),
            group=smiles.group,
            is_call=priced.is_call,
            strike=quotes.strike,
            bid=quotes.bid,
            ask=quotes.ask,
            clean=quotes.clean,
            fitted=smiles.volatility,
            cboe_iv=recorded.vendor["iv"],
            cboe_delta=recorded.vendor["delta"],
        )
        frame["outside"] = np.where(
            frame["is_call"], frame["strike"] >= frame["forward"], frame["strike"] <= frame["forward"]
        )
        frame["half_spread"] = (frame["ask"] - frame["bid"]) / 2 * VEGA_PER_VOL_POINT / frame["vega"]
        symbol = snapshot.contracts["root"].iloc[0].replace("SPXW", "SPX")
        yield Chain(file, quoted[:10], symbol, quotes, smiles, frame)


def volatility_differences(chain: Chain, reference: pd.DataFrame) -> pd.DataFrame:
    """Own and Cboe's volatility of out-of-the-money contracts of 5 to 50 delta whose quotes have clean times."""
    good = reference[(reference["file"] == chain.file) & reference["good"]]
    frame = chain.contracts
    wanted = frame["iv"].notna() & frame["outside"] & (frame["cboe_iv"] > 0)
    wanted &= frame["cboe_delta"].abs().between(0.05, 0.5) & (frame["forward_method"] != "spot_carry")
    return frame[wanted].merge(good[["root", "expiry"]], on=["root", "expiry"])


def skew_rows(chain: Chain, reference: pd.DataFrame) -> pd.DataFrame:
    """The reference's good rows of this chain with our 25-delta skew (put less call) in several readings.

    `ours`: definition 6, delta = e^{-qT} N(d1). `forward_delta`: the same with N(d1), as the reference has it.
    `cboe_delta`: our volatilities at the strikes where Cboe's own delta is 0.25. `fitted`: definition 6 on the curve.
    `wide`: as `forward_delta`, with forward and volatilities from all two-sided quotes however wide.
    """
    good = reference[(reference["file"] == chain.file) & reference["good"]].copy()
    frame = chain.contracts
    number = frame.groupby(["root", "expiry"])["group"].first()
    at = np.array([number[key] for key in zip(good["root"], good["expiry"], strict=True)])
    forward = _first(frame, "forward")
    volatility = frame["iv"].to_numpy()
    clean = chain.quotes.clean & ~np.isnan(volatility)
    wide_forward = _wide_forward(chain)
    wide_volatility = _volatility(frame, wide_forward[frame["group"].to_numpy()])
    readings = {
        "ours": chain.smiles.skew,
        "fitted": chain.smiles.fitted_skew,
        "forward_delta": _skew(chain, forward, volatility, _forward_delta(frame, forward, volatility), clean),
        "cboe_delta": _skew(chain, forward, volatility, frame["cboe_delta"].to_numpy(), clean),
        "wide": _skew(
            chain,
            wide_forward,
            wide_volatility,
            _forward_delta(frame, wide_forward, wide_volatility),
            chain.quotes.two_sided,
        ),
    }
    for name, found in readings.items():
        good[name] = (found.iv_25d_put - found.iv_25d_call)[at]
    narrowest = (frame["ask"] - frame["bid"]) / (0.5 * (frame["ask"] + frame["bid"]))
    near = (frame["strike"] / frame["forward"] - 1).abs() <= 0.02
    good["spread_near_forward"] = narrowest[near].groupby(frame["group"]).min().reindex(at).to_numpy()
    for name in ("cboe_delta", "delta"):
        good[f"{name}_sum"] = _delta_sums(frame[near], name).reindex(at).to_numpy()
    good["title"] = chain.title
    return good


def _delta_sums(frame: pd.DataFrame, column: str) -> pd.Series:
    """Call's delta less put's at one strike, the median of each group: 1 where delta is N(d1)."""
    deltas = frame.pivot_table(index=["group", "strike"], columns="is_call", values=column)
    return (deltas[True] - deltas[False]).groupby("group").median()


def executable_violations(chain: Chain) -> tuple[int, int]:
    """Listed strikes on the fitted curves, and how many of them the no-arbitrage test blames when every contract can
    be bought and sold at the curve's price."""
    frame = chain.contracts
    price = chain.smiles.fair.price
    usable = frame["outside"].to_numpy() & ~np.isnan(price)
    nothing = np.full(len(frame), np.nan)
    blamed = executable_arbitrage(
        ExecutableQuotes(
            group=frame["group"].to_numpy(dtype=np.int64),
            strike=frame["strike"].to_numpy(),
            is_call=frame["is_call"].to_numpy(dtype=np.bool_),
            bid=price,
            ask=price,
            american=np.zeros(len(frame), dtype=np.bool_),
            years=frame["years_to_expiry"].to_numpy(),
            rate=frame["rate"].to_numpy(),
            stock_bid=nothing,
            stock_ask=nothing,
        ),
        usable,
    )
    return int(usable.sum()), int(blamed.sum())


def _first(frame: pd.DataFrame, column: str) -> Floats:
    groups = int(frame["group"].max()) + 1
    return frame.groupby("group")[column].first().reindex(range(groups)).to_numpy(dtype=np.float64)


def _wide_forward(chain: Chain) -> Floats:
    frame, quotes = chain.contracts, chain.quotes
    return parity_forwards(
        pairs=quotes.pairs,
        group=quotes.expirations.of_row,
        group_count=len(quotes.expirations),
        strike=quotes.strike,
        mid=quotes.mid,
        clean=quotes.two_sided & (frame["years_to_expiry"].to_numpy() > 0),
        growth=np.exp((frame["rate"] * frame["years_to_expiry"]).to_numpy()),
    )


def _volatility(frame: pd.DataFrame, forward: Floats) -> Floats:
    return implied_volatility(
        price=frame["mid"].to_numpy(),
        forward=forward,
        strike=frame["strike"].to_numpy(),
        years=frame["years_to_expiry"].to_numpy(),
        rate=frame["rate"].to_numpy(),
        is_call=frame["is_call"].to_numpy(dtype=np.bool_),
    ).volatility


def _forward_delta(frame: pd.DataFrame, forward: Floats, volatility: Floats) -> Floats:
    """N(d1), less 1 for puts."""
    return greeks(
        spot=forward[frame["group"].to_numpy()],
        strike=frame["strike"].to_numpy(),
        years=frame["years_to_expiry"].to_numpy(),
        rate=0.0,
        dividend_yield=0.0,
        volatility=volatility,
        is_call=frame["is_call"].to_numpy(dtype=np.bool_),
    ).delta


def _skew(chain: Chain, forward: Floats, volatility: Floats, delta: Floats, usable: Flags) -> SkewInputs:
    return skew_inputs(
        pairs=chain.quotes.pairs,
        group=chain.quotes.expirations.of_row,
        forward=forward,
        strike=chain.quotes.strike,
        volatility=volatility,
        delta=delta,
        usable=usable,
        is_call=chain.quotes.is_call,
    )


def missing(folder: Path, names: Sequence[str]) -> list[str]:
    """Which of these are not under the folder."""
    return [name for name in names if not (folder / name).exists()]
