"""A whole chain priced and judged: forward, implied volatility, Greeks, probabilities and grade of 8,000 contracts.

The contracts are those of SPY in number and spacing, made up: 32 expirations of 125 strikes, a skewed smile, quotes a
few cents wide of which three contradict the others, so that the search for arbitrage takes its second round.
"""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from benchmarks.alternating import alternate
from scanner.calendar import MarketCalendar
from scanner.model import ChainSnapshot, Mode, UnderlyingQuote
from scanner.pricing.black_scholes import price
from scanner.pricing.chain import PricedChain, price_chain
from scanner.pricing.chain_smiles import chain_smiles
from scanner.pricing.rates import RateCurve
from scanner.pricing.warm_up import warm_up
from scanner.quality import QuoteColumns, QuoteQuality, judge
from scanner.schema import CHAIN
from scanner.symbols import occ_symbol

GOAL_MILLISECONDS = 10.0
SPOT, RATE = 640.0, 0.043
EXPIRATIONS, STRIKES = 32, 125
QUOTED_AT = datetime(2025, 9, 2, 18, 0, tzinfo=UTC)
_JUDGED = ("expiration", "strike", "adjusted", "bid", "ask", "volume", "open_interest", "vendor_iv")


def chain() -> ChainSnapshot:
    """The snapshot that is priced."""
    first = QUOTED_AT.date() + timedelta(days=1)
    days = [first + timedelta(days=7 * number) for number in range(EXPIRATIONS)]
    strikes = np.round(SPOT + 4.0 * (np.arange(STRIKES) - STRIKES // 2))
    rows = [(day, strike, is_call) for day in days for strike in strikes.tolist() for is_call in (True, False)]
    frame = pd.DataFrame(rows, columns=["expiration", "strike", "is_call"])
    years = np.array([(day - QUOTED_AT.date()).days + 2 / 24 for day, _, _ in rows]) / 365
    strike, is_call = frame["strike"].to_numpy(), frame["is_call"].to_numpy()
    moneyness = np.log(strike / SPOT) / np.sqrt(years + 0.05)
    volatility = 0.16 - 0.10 * moneyness + 0.10 * moneyness**2
    mid = price(
        spot=SPOT,
        strike=strike,
        years=years,
        rate=RATE,
        dividend_yield=0.012,
        volatility=volatility,
        is_call=is_call,
    )
    half = np.maximum(0.01, 0.004 * mid)
    bid, ask = np.floor(100 * (mid - half)) / 100, np.ceil(100 * (mid + half)) / 100
    for bad in (1_111, 4_444, 7_777):
        bid[bad], ask[bad] = bid[bad] + 2.0, ask[bad] + 2.0
    return _snapshot(frame, bid, ask, days)


def _snapshot(frame: pd.DataFrame, bid: np.ndarray, ask: np.ndarray, days: list[date]) -> ChainSnapshot:
    random = np.random.default_rng(3)
    sides = np.where(frame["is_call"], "call", "put")
    count = len(frame)
    named = zip(frame["expiration"], sides, frame["strike"], strict=True)
    columns = {
        "root": ["SPY"] * count,
        "expiration": pd.to_datetime(frame["expiration"]),
        "option_type": sides,
        "strike": frame["strike"],
        "occ_symbol": [occ_symbol("SPY", day, side, strike) for day, side, strike in named],
        "multiplier": 100,
        "adjusted": False,
        "bid": bid,
        "ask": ask,
        "last": bid,
        "volume": random.integers(0, 400, count).astype(np.float64),
        "open_interest": random.integers(0, 2_000, count).astype(np.float64),
        "vendor_iv": np.nan,
        "quote_time": pd.Series([QUOTED_AT] * count),
    }
    types = {column.name: column.dtype for column in CHAIN.columns}
    return ChainSnapshot(
        symbol="SPY",
        source="benchmark",
        mode=Mode.SIMULATED,
        fetched_at=QUOTED_AT,
        answer_time=QUOTED_AT,
        underlying=UnderlyingQuote(bid=SPOT - 0.01, ask=SPOT + 0.01, quote_time=QUOTED_AT),
        listed_expirations=tuple(days),
        contracts=pd.DataFrame(columns)[CHAIN.names].astype(types),
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=41)
    options = parser.parse_args()
    warm_up()
    snapshot, calendar = chain(), MarketCalendar.around(QUOTED_AT)
    rates = RateCurve.flat(RATE)

    def priced() -> PricedChain:
        return price_chain(snapshot, calendar=calendar, rates=rates)

    def priced_and_judged() -> QuoteQuality:
        contracts = snapshot.contracts
        arrays = {name: contracts[name].to_numpy() for name in _JUDGED}
        return judge(QuoteColumns(root=contracts["root"].tolist(), **arrays), priced(), snapshot.underlying)

    known = priced()
    ways = {
        "forward, volatility, Greeks, probabilities": priced,
        "the same and grade": priced_and_judged,
        "smiles, fair values, skew, calendar": lambda: chain_smiles(snapshot, known),
    }
    print(f"| {len(snapshot.contracts):,} contracts, warm | ms, median | best | |")
    print("|---|---|---|---|")
    for name, timing in alternate(ways, rounds=options.rounds).items():
        goal = f"goal {GOAL_MILLISECONDS:.0f} ms" if name.endswith("grade") else ""
        print(f"| {name} | {timing.median * 1e3:.1f} | {timing.best * 1e3:.1f} | {goal} |")


if __name__ == "__main__":
    main()
