"""What 25-delta skew is made of, in two ways: between listed strikes (definition 6), and on the fitted curve.

skew_25d = (put - call) x 100, put_skew = (put - at the money) x 100, call_skew = (call - at the money) x 100.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from scanner.pricing.arrays import Flags, Floats, as_floats
from scanner.pricing.black_scholes import greeks
from scanner.pricing.quotes import Indices, Pairs
from scanner.pricing.smile import atm_volatility
from scanner.pricing.smile_fit import Smiles, curve_volatility

SKEW_DELTA: Final = 0.25
_FIRST_STEPS, _LATER_STEPS = 64, (16, 16, 16)


@dataclass(frozen=True, slots=True)
class SkewInputs:
    """Volatilities, decimal, one element per group: at delta -0.25, at delta 0.25, at the forward. NaN unknown."""

    iv_25d_put: Floats
    iv_25d_call: Floats
    atm_iv: Floats


def skew_inputs(
    *,
    pairs: Pairs,
    group: Indices,
    forward: Floats,
    strike: Floats,
    volatility: Floats,
    delta: Floats,
    usable: Flags,
    is_call: Flags,
) -> SkewInputs:
    """The inputs of `skew_25d` of each group between listed strikes; `forward` per group, the rest per contract.

    Of the `usable` contracts (clean ones with a volatility) only out-of-the-money ones count: puts below and calls
    above the forward. Linear in delta between the two neighbouring strikes whose deltas bracket +-0.25; should quotes
    make deltas cross it more than once, the crossing nearest the forward. NaN where nothing brackets it: a missing
    wing is never 0. At the forward: `atm_volatility`.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        ordered = pairs.order[usable[pairs.order] & ~np.isnan(delta[pairs.order] + volatility[pairs.order])]
        ahead = forward[group[ordered]]
        puts = ordered[~is_call[ordered] & (strike[ordered] < ahead)][::-1]
        calls = ordered[is_call[ordered] & (strike[ordered] > ahead)]
        at_the_money = atm_volatility(
            pairs=pairs,
            group=group,
            forward=forward,
            strike=strike,
            volatility=volatility,
            usable=usable & ~np.isnan(volatility),
            is_call=is_call,
        )
        return SkewInputs(
            iv_25d_put=_at_delta(puts, group, delta, volatility, -SKEW_DELTA, len(forward)),
            iv_25d_call=_at_delta(calls, group, delta, volatility, SKEW_DELTA, len(forward)),
            atm_iv=at_the_money,
        )


def fitted_skew_inputs(smiles: Smiles, *, carry: ArrayLike) -> SkewInputs:
    """The same three volatilities read off the fitted curves, where deltas and strikes are continuous.

    `carry`, per group, is e^{-qT} = F e^{-rT}/S, which turns a delta of the forward into one of the spot. NaN where
    the curve ends before delta 0.25 or the forward.
    """
    (factor,) = as_floats(carry=carry)
    numbers = np.arange(len(smiles))
    zeros = np.zeros(len(smiles))
    return SkewInputs(
        iv_25d_put=_on_curve(smiles, factor, smiles.lowest, is_call=False),
        iv_25d_call=_on_curve(smiles, factor, smiles.highest, is_call=True),
        atm_iv=curve_volatility(smiles, group=numbers, log_moneyness=zeros, years=smiles.years),
    )


def _at_delta(
    outwards: Indices, group: Indices, delta: Floats, volatility: Floats, target: float, group_count: int
) -> Floats:
    """Linear in delta at the first crossing of `target`; `outwards` are contracts of a side away from the forward."""
    found = np.full(group_count, np.nan)
    near, far = outwards[:-1], outwards[1:]
    crossing = (group[near] == group[far]) & ((delta[near] - target) * (delta[far] - target) <= 0)
    near, far = near[crossing][::-1], far[crossing][::-1]
    width = delta[far] - delta[near]
    weight = np.where(width != 0, (target - delta[near]) / np.where(width != 0, width, 1.0), 0.0)
    found[group[near]] = volatility[near] + weight * (volatility[far] - volatility[near])
    return found


def _on_curve(smiles: Smiles, carry: Floats, end: Floats, *, is_call: bool) -> Floats:
    """The curve's volatility at delta +-0.25: the crossing nearest the forward on a grid, then on finer ones."""
    numbers = np.arange(len(smiles))
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = np.zeros(len(smiles)), np.where((end > 0) == is_call, end, np.nan)
        for steps in (_FIRST_STEPS, *_LATER_STEPS):
            k = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, steps + 1)
            excess = _delta(smiles, numbers[:, None], k, carry[:, None], is_call=is_call) - SKEW_DELTA
            crossing = (excess[:, :-1] >= 0) & (excess[:, 1:] <= 0)
            first = np.argmax(crossing, axis=1)
            low = np.where(crossing.any(axis=1), k[numbers, first], np.nan)
            high = k[numbers, first + 1]
        return curve_volatility(smiles, group=numbers, log_moneyness=0.5 * (low + high), years=smiles.years)


def _delta(smiles: Smiles, group: Indices, k: Floats, carry: Floats, *, is_call: bool) -> Floats:
    """|Delta| of the spot at ln(K/F) on the curve."""
    years = smiles.years[group]
    volatility = curve_volatility(smiles, group=group, log_moneyness=k, years=years)
    of_forward = greeks(
        spot=1.0,
        strike=np.exp(k),
        years=years,
        rate=0.0,
        dividend_yield=0.0,
        volatility=volatility,
        is_call=is_call,
    )
    return np.abs(of_forward.delta) * carry
