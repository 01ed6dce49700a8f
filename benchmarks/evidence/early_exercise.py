"""What early exercise does to volatilities from SPY's quotes: the American model against Cboe's, which has one too.

The product takes the forward from mids as they are and volatilities from the European formula (definitions 3). Here
the value of early exercise is taken off the mids before parity, and volatilities come from the American model.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from benchmarks.evidence.chains import Chain
from scanner.pricing import american
from scanner.pricing.arrays import Floats
from scanner.pricing.forward import NEAREST

_ROUNDS: Final = 5


def american_differences(chain: Chain, differences: pd.DataFrame) -> pd.DataFrame:
    """`chains.volatility_differences` of an American chain with the American model's forward and volatility.

    Spot is what the nearest expiration's forward is worth today: the price in Cboe's files may be a later one.
    """
    frame = chain.contracts
    nearest = frame.loc[frame["forward"].notna() & (frame["years_to_expiry"] > 0)].nsmallest(1, "years_to_expiry")
    spot = float((nearest["forward"] * np.exp(-nearest["rate"] * nearest["years_to_expiry"])).iloc[0])
    found = []
    for group, wanted in differences.groupby("group"):
        near = _nearest_pairs(frame[frame["group"] == group])
        years, rate = float(wanted["years_to_expiry"].iloc[0]), float(wanted["rate"].iloc[0])
        forward = _forward(near, spot=spot, years=years, rate=rate)
        volatility = american.implied_volatility(
            price=wanted["mid"].to_numpy(),
            spot=spot,
            strike=wanted["strike"].to_numpy(),
            years=years,
            rate=rate,
            dividend_yield=rate - np.log(forward / spot) / years,
            is_call=wanted["is_call"].to_numpy(dtype=np.bool_),
        ).volatility
        found.append(wanted.assign(iv=volatility, above_parity=forward - wanted["forward"]))
    return pd.concat(found)


def _nearest_pairs(expiration: pd.DataFrame) -> pd.DataFrame:
    """Mids of put (False) and call (True) at the clean strikes nearest the forward."""
    clean = expiration[expiration["clean"]]
    mids: pd.DataFrame = clean.pivot_table(index="strike", columns="is_call", values="mid").dropna()
    distance = np.abs(mids.index.to_numpy() - expiration["forward"].iloc[0])
    return mids.iloc[np.argsort(distance, kind="stable")[:NEAREST]]


def _forward(near: pd.DataFrame, *, spot: float, years: float, rate: float) -> float:
    """K + e^{rT} (C - P), median, of mids less what early exercise is worth at their own volatilities."""
    strike = near.index.to_numpy(dtype=np.float64)
    early = {False: np.zeros(len(near)), True: np.zeros(len(near))}
    forward = float("nan")
    for _ in range(_ROUNDS):
        european = (near[True].to_numpy() - early[True]) - (near[False].to_numpy() - early[False])
        forward = float(np.median(strike + np.exp(rate * years) * european))
        carry = rate - np.log(forward / spot) / years
        early = {side: _early(near[side].to_numpy(), spot, strike, years, rate, carry, side) for side in early}
    return forward


def _early(
    mid: Floats, spot: float, strike: Floats, years: float, rate: float, dividend_yield: float, is_call: bool
) -> Floats:
    volatility = american.implied_volatility(
        price=mid, spot=spot, strike=strike, years=years, rate=rate, dividend_yield=dividend_yield, is_call=is_call
    ).volatility
    return american.price(
        spot=spot,
        strike=strike,
        years=years,
        rate=rate,
        dividend_yield=dividend_yield,
        volatility=volatility,
        is_call=is_call,
    ).premium
