"""Unusual volume of single contracts: whale score, fresh open interest, gamma exposure (definitions 5).

All functions take arrays that broadcast and return float64; an unknown or impossible input gives NaN, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from scanner.pricing.arrays import Floats, as_floats
from scanner.schema import FLOW, as_declared

WHALE_DISTANCE_PCT: Final = 5.0
"""The whale score counts strikes at most this far from the spot."""

FRESH_DISTANCE_PCT: Final = 10.0
"""The fresh open interest score counts strikes at most this far from the spot."""

FRESH_RATIO: Final = 3.0
"""Volume over open interest from which open interest is fresh."""

LEAST_WHALE: Final = 50.0
"""Whale score, before rounding, from which flow is unusual."""

LEAST_VOLUME: Final = 100.0
"""Contracts from which volume says anything."""

NEW_STRIKE: Final = "new_strike"
OI_UNKNOWN: Final = "oi_unknown"

_SCALE: Final = 1000.0


def valr(*, delta: ArrayLike, spot: ArrayLike, mark: ArrayLike, iv: ArrayLike) -> Floats:
    """Volatility adjusted leverage ratio, (|delta| x spot / mark) x iv; NaN without a price above zero."""
    delta, spot, mark, iv = as_floats(delta=delta, spot=spot, mark=mark, iv=iv)
    return _ratio(np.abs(delta) * spot * iv, mark)


def vol_oi_ratio(*, volume: ArrayLike, open_interest: ArrayLike) -> Floats:
    """Volume / open interest; NaN where the latter is 0 (a new strike) or unknown."""
    volume, open_interest = as_floats(volume=volume, open_interest=open_interest)
    return _ratio(volume, open_interest)


def notional(*, volume: ArrayLike, mark: ArrayLike, multiplier: ArrayLike) -> Floats:
    """Premium traded, $: volume x mark x multiplier."""
    volume, mark, multiplier = as_floats(volume=volume, mark=mark, multiplier=multiplier)
    return volume * mark * multiplier


def dollar_ratio(*, notional: ArrayLike, spot: ArrayLike, underlying_volume: ArrayLike) -> Floats:
    """Premium traded over the $ traded in the underlying; NaN where no share was traded, as of an index."""
    notional, spot, shares = as_floats(notional=notional, spot=spot, underlying_volume=underlying_volume)
    return _ratio(notional, spot * shares)


def whale(
    *, valr: ArrayLike, vol_oi_ratio: ArrayLike, dollar_ratio: ArrayLike, strike: ArrayLike, spot: ArrayLike
) -> Floats:
    """Whale score before rounding: valr x vol_oi_ratio x dollar_ratio x 1000.

    NaN for strikes further than `WHALE_DISTANCE_PCT` from the spot. Equal to 1000 x multiplier x |delta| x iv x
    volume^2 / (open_interest x underlying_volume).
    """
    valr, ratio, dollars, strike, spot = as_floats(
        valr=valr, vol_oi_ratio=vol_oi_ratio, dollar_ratio=dollar_ratio, strike=strike, spot=spot
    )
    return _near(valr * ratio * dollars * _SCALE, strike, spot, WHALE_DISTANCE_PCT)


def fresh(*, vol_oi_ratio: ArrayLike, notional: ArrayLike, strike: ArrayLike, spot: ArrayLike) -> Floats:
    """Fresh open interest score before rounding: vol_oi_ratio x notional / 1000.

    NaN below a ratio of `FRESH_RATIO` and for strikes further than `FRESH_DISTANCE_PCT` from the spot.
    """
    ratio, dollars, strike, spot = as_floats(vol_oi_ratio=vol_oi_ratio, notional=notional, strike=strike, spot=spot)
    score = np.where(ratio >= FRESH_RATIO, ratio * dollars / _SCALE, np.nan)
    return _near(score, strike, spot, FRESH_DISTANCE_PCT)


def gamma_exposure(*, gamma: ArrayLike, open_interest: ArrayLike, multiplier: ArrayLike, spot: ArrayLike) -> Floats:
    """Gamma x open interest x multiplier x spot^2 x 0.01: $ of delta per 1 % move, without a sign."""
    gamma, interest, multiplier, spot = as_floats(
        gamma=gamma, open_interest=open_interest, multiplier=multiplier, spot=spot
    )
    return gamma * interest * multiplier * spot * spot * 0.01


def contract_flow(facts: pd.DataFrame, *, underlying_volume: float | Mapping[str, float | None] | None) -> pd.DataFrame:
    """A `schema.FLOW` frame of the standard contracts of `schema.PREMIUM` rows, in their order.

    `underlying_volume`: shares traded in the session, None where unknown or where there are none, as of an index; by
    symbol where the rows are of several. Adjusted contracts are left out: their multiplier says nothing of their
    shares.
    """
    standard = facts[~facts["adjusted"]].reset_index(drop=True)
    shares = _shares(standard["symbol"], underlying_volume)
    values: dict[str, Any] = {name: standard[name] for name in FLOW.names if name in standard}
    values["mark"] = standard["mid"]
    values["underlying_volume"] = shares
    values |= _scores({name: np.asarray(standard[name], dtype=np.float64) for name in _INPUTS}, shares)
    values["flags"] = _flags(values["open_interest"].to_numpy())
    frame = pd.DataFrame({column.name: values[column.name] for column in FLOW.columns}, index=standard.index)
    return as_declared(frame, FLOW)


def whale_flows(flow: pd.DataFrame) -> pd.DataFrame:
    """The rows of a `schema.FLOW` frame with a whale score of `LEAST_WHALE` and more, before rounding."""
    return flow[flow["whale_exact"] >= LEAST_WHALE].reset_index(drop=True)


def oi_flows(flow: pd.DataFrame) -> pd.DataFrame:
    """The rows with fresh open interest, and new strikes (flag `NEW_STRIKE`), of `LEAST_VOLUME` and more."""
    unusual = flow["oi_score"].notna() | (flow["flags"] == NEW_STRIKE)
    return flow[unusual & (flow["volume"] >= LEAST_VOLUME)].reset_index(drop=True)


def unknown_scores(flow: pd.DataFrame) -> dict[str, int]:
    """How many contracts near enough to the spot have no whale score, by the first input that is missing.

    Contracts without a spot are counted under it, near or not.
    """
    names = ("spot", "strike", "volume", "open_interest", "mark", "iv", "underlying_volume", "whale_exact")
    given = {name: flow[name].to_numpy() for name in names}
    spot = given["spot"]
    near = np.isnan(spot) | ~np.isnan(_near(np.zeros(len(flow)), given["strike"], spot, WHALE_DISTANCE_PCT))
    rest = {name: values[near & np.isnan(given["whale_exact"])] for name, values in given.items()}
    reasons = {
        "no_spot": np.isnan(rest["spot"]),
        "volume_unknown": np.isnan(rest["volume"]),
        OI_UNKNOWN: np.isnan(rest["open_interest"]),
        NEW_STRIKE: rest["open_interest"] == 0,
        "no_two_sided_quote": np.isnan(rest["mark"]),
        "no_implied_volatility": np.isnan(rest["iv"]),
        "underlying_volume_unknown": np.isnan(rest["underlying_volume"]),
    }
    first = np.select(list(reasons.values()), list(reasons), "no_price_or_shares")
    found, counts = np.unique(first, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


_INPUTS: Final = ("spot", "strike", "mid", "iv", "delta", "gamma", "volume", "open_interest", "multiplier")


def _shares(symbols: pd.Series, volume: float | Mapping[str, float | None] | None) -> Floats:
    """Shares traded in the underlying of each row; NaN where unknown."""
    if isinstance(volume, Mapping):
        known = {symbol: np.nan if one is None else one for symbol, one in volume.items()}
        return np.array([known[symbol] for symbol in symbols.tolist()], dtype=np.float64)
    return np.full(len(symbols), np.nan if volume is None else volume)


def _scores(given: dict[str, Floats], shares: Floats) -> dict[str, Floats]:
    spot, volume, interest = given["spot"], given["volume"], given["open_interest"]
    leverage = valr(delta=given["delta"], spot=spot, mark=given["mid"], iv=given["iv"])
    ratio = vol_oi_ratio(volume=volume, open_interest=interest)
    traded = notional(volume=volume, mark=given["mid"], multiplier=given["multiplier"])
    dollars = dollar_ratio(notional=traded, spot=spot, underlying_volume=shares)
    strike = given["strike"]
    exact = whale(valr=leverage, vol_oi_ratio=ratio, dollar_ratio=dollars, strike=strike, spot=spot)
    return {
        "valr": leverage,
        "vol_oi_ratio": ratio,
        "notional": traded,
        "dollar_ratio": dollars,
        "whale_exact": exact,
        "whale_score": np.round(exact),
        "oi_score": np.round(fresh(vol_oi_ratio=ratio, notional=traded, strike=strike, spot=spot)),
        "gex": gamma_exposure(gamma=given["gamma"], open_interest=interest, multiplier=given["multiplier"], spot=spot),
    }


def _flags(open_interest: Floats) -> list[str]:
    return [OI_UNKNOWN if math.isnan(held) else NEW_STRIKE if held == 0 else "" for held in open_interest.tolist()]


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """NaN where the denominator is not above zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)


def _near(score: Floats, strike: Floats, spot: Floats, most_pct: float) -> Floats:
    """NaN further than `most_pct` from the spot; multiplied out, so that a strike just at the limit is inside."""
    return np.where(np.abs(strike - spot) * 100.0 <= most_pct * spot, score, np.nan)
