"""Made-up `schema.PREMIUM` frames in bulk: plausible in distribution, consistent in formula, fast to make.

For loading and querying the database by the million, where pricing is not what is measured. Black-Scholes with
one volatility per symbol and expiration; weekly symbols store the six target expirations, the others monthlies.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.special import ndtr

from scanner.schema import PREMIUM

AS_OF: Final = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
"""A Wednesday noon in New York, in session."""

WEEKLY_SHARE: Final = 0.6
_RATE: Final = 0.043
_NOTHING: Final[Any] = None


def symbols(count: int) -> list[str]:
    """`count` made-up tickers of four letters, alphabetically."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return ["X" + letters[n // 676 % 26] + letters[n // 26 % 26] + letters[n % 26] for n in range(count)]


def _fridays(today: date, weeks: int) -> list[date]:
    first = today + timedelta(days=(4 - today.weekday()) % 7)
    return [first + timedelta(days=7 * week) for week in range(weeks)]


def listings(today: date) -> tuple[list[date], list[date]]:
    """Expirations of a symbol with weekly options, and of one with monthly options only."""
    fridays = _fridays(today, 30)
    monthly = [day for day in fridays if 15 <= day.day <= 21]
    return sorted({*fridays[:10], *monthly}), monthly


def _stored(listed: Sequence[date], today: date) -> list[int]:
    positions = set()
    for target in (7, 14, 21, 30, 45, 60):
        distances = [abs((day - today).days - target) for day in listed]
        positions.add(distances.index(min(distances)))
    return sorted(positions)


def premium_frame(
    tickers: Sequence[str], *, contracts_per_symbol: int = 200, seed: int = 0, fetched_at: datetime = AS_OF
) -> pd.DataFrame:
    """One frame with about `contracts_per_symbol` rows for each ticker, in order of ticker."""
    generator = np.random.default_rng(seed)
    today = fetched_at.date()
    grids = [_grid(listed, today, contracts_per_symbol) for listed in listings(today)]
    weekly = generator.random(len(tickers)) < WEEKLY_SHARE
    counts = np.where(weekly, len(grids[0]), len(grids[1]))
    owner = np.repeat(np.arange(len(tickers)), counts)
    grid = pd.concat([grids[0] if one else grids[1] for one in weekly], ignore_index=True)
    spot = np.round(np.exp(generator.normal(4.3, 0.9, len(tickers))), 2)[owner]
    volatility = np.exp(generator.normal(-1.1, 0.45, len(tickers)))[owner]
    return _priced(np.asarray(tickers)[owner], grid, spot, volatility, generator, fetched_at)


def _grid(listed: Sequence[date], today: date, contracts: int) -> pd.DataFrame:
    positions = _stored(listed, today)
    strikes = np.diff(np.linspace(0, contracts // 2, len(positions) + 1).astype(int))
    parts = []
    for position, count in zip(positions, strikes, strict=True):
        distance = np.tile(np.linspace(-2.2, 2.2, count), 2)
        part = pd.DataFrame({"distance": distance, "call": np.repeat([False, True], count)})
        part["expiration"] = np.datetime64(listed[position], "s")
        part["previous_expiration"] = np.datetime64(listed[position - 1] if position else "NaT", "s")
        after = listed[position + 1] if position + 1 < len(listed) else "NaT"
        part["next_expiration"] = np.datetime64(after, "s")
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _priced(
    ticker: np.ndarray,
    grid: pd.DataFrame,
    spot: np.ndarray,
    volatility: np.ndarray,
    generator: np.random.Generator,
    fetched_at: datetime,
) -> pd.DataFrame:
    rows = len(grid)
    call = grid["call"].to_numpy()
    expiration: Any = grid["expiration"].to_numpy()
    expiry = expiration + np.timedelta64(21, "h")
    now: Any = np.datetime64(fetched_at.replace(tzinfo=None), "us")
    years = (expiry - now) / np.timedelta64(365 * 86_400, "s")
    deviation = volatility * np.sqrt(years)
    strike = np.round(spot * np.exp(grid["distance"].to_numpy() * deviation), 2) + 0.01
    forward = spot * np.exp(_RATE * years)
    d1 = np.log(forward / strike) / deviation + deviation / 2
    side = np.where(call, 1.0, -1.0)
    price = np.exp(-_RATE * years) * side * (forward * ndtr(side * d1) - strike * ndtr(side * (d1 - deviation)))
    half = price * generator.gamma(2.0, 0.03, rows) + 0.005
    bid, ask = np.round(np.maximum(price - half, 0.0), 2), np.round(price + half, 2) + 0.01
    volume = np.floor(np.exp(generator.normal(3.0, 2.2, rows)))
    interest = np.floor(np.exp(generator.normal(4.2, 2.0, rows)))
    volume[generator.random(rows) < 0.06] = np.nan
    interest[generator.random(rows) < 0.02] = np.nan
    mid = np.where(bid > 0, (bid + ask) / 2, np.nan)
    known = generator.random(rows) > 0.02
    otm = np.where(call, strike > spot, strike < spot)
    reason = np.full(rows, None, dtype=object)
    for name, failing in (("no_implied_volatility", ~known), ("no_bid", bid <= 0), ("not_out_of_the_money", ~otm)):
        reason[failing] = name
    iv = np.where(known & (bid > 0), volatility, np.nan)
    usable = ~np.isnan(iv)
    base = np.where(call, spot, strike)
    chance = ndtr(side * -(d1 - deviation))
    age = generator.integers(0, 600, rows).astype("timedelta64[s]")
    text = pd.Series(np.datetime_as_string(expiration, unit="D"))
    code = text.str.replace("-", "").str[2:].to_numpy(dtype=str)
    letter = np.where(call, "C", "P")
    thousandths = np.char.zfill(np.round(strike * 1000).astype(np.int64).astype(str), 8)
    occ = np.char.add(np.char.add(ticker.astype(str), code), np.char.add(letter, thousandths))
    spread = (ask - bid) / mid * 100
    columns: dict[str, Any] = {
        "root": ticker,
        "expiration": expiration,
        "option_type": np.where(call, "call", "put"),
        "strike": strike,
        "occ_symbol": occ,
        "multiplier": np.full(rows, 100),
        "adjusted": np.zeros(rows, dtype=bool),
        "bid": bid,
        "ask": ask,
        "last": np.round(price, 2),
        "volume": volume,
        "open_interest": interest,
        "vendor_iv": np.round(volatility, 4),
        "quote_time": _instants(now - age),
        "symbol": ticker,
        "source": np.full(rows, "synthetic"),
        "fetched_at": _instants(np.full(rows, now)),
        "answer_time": _instants(np.full(rows, now)),
        "previous_expiration": grid["previous_expiration"].to_numpy(),
        "next_expiration": grid["next_expiration"].to_numpy(),
        "expiry_instant": _instants(expiry),
        "spot": spot,
        "spot_time": _instants(np.full(rows, now)),
        "mid": mid,
        "spread_pct": spread,
        "moneyness_pct": (strike / spot - 1) * 100,
        "otm_pct": (strike / spot - 1) * 100 * side,
        "years_to_expiry": years,
        "rate": np.full(rows, _RATE),
        "forward": forward,
        "forward_method": np.full(rows, "parity_american"),
        "iv": iv,
        "iv_reason": np.where(usable, _NOTHING, "not_two_sided"),
        "model": np.full(rows, "black_scholes_merton"),
        "delta": np.where(usable, side * ndtr(side * d1), np.nan),
        "gamma": np.where(usable, np.exp(-d1 * d1 / 2) / 2.5066 / (spot * deviation), np.nan),
        "theta": np.where(usable, -price / years / 730, np.nan),
        "vega": np.where(usable, spot * np.sqrt(years) * np.exp(-d1 * d1 / 2) / 250.66, np.nan),
        "rho": np.where(usable, side * strike * years * 0.004, np.nan),
        "prob_otm": np.where(usable, chance, np.nan),
        "prob_touch": np.where(usable, np.minimum(1.0, 2 * (1 - chance)), np.nan),
        "expected_move_usd": spot * deviation * 0.8,
        "expected_move_pct": deviation * 80,
        "upper_1sd": spot * np.exp(deviation),
        "lower_1sd": spot * np.exp(-deviation),
        "flags": np.full(rows, ""),
        "quote_reason": reason,
        "quote_grade": np.select([~usable, spread <= 5, spread <= 10, spread <= 20, spread <= 50], list("FABCD"), "F"),
        "grade_reasons": np.where(spread <= 5, "", "spread"),
        "price_basis": np.full(rows, "bid"),
        "premium": bid,
        "premium_usd": bid * 100,
        "premium_pct": bid / base * 100,
        "collateral_usd": base * 100,
        "break_even": np.where(call, spot, strike) - bid,
        "downside_protection": (spot - np.where(call, spot, strike) + bid) / spot * 100,
        "if_called_return": np.where(call, (strike - spot + bid) / spot * 100, np.nan),
        "prob_profit": np.where(usable, np.minimum(1.0, chance + 0.03), np.nan),
    }
    return pd.DataFrame(
        {column.name: pd.Series(columns[column.name], dtype=column.dtype) for column in PREMIUM.columns}
    )


def _instants(values: Any) -> Any:
    return pd.array(values.astype("datetime64[us]"), dtype=pd.DatetimeTZDtype("us", "UTC"))
