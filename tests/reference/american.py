"""American options by a binomial tree, in plain numpy: slow, and independent of the boundary method.

BBSR of M. Broadie and J. Detemple, American option valuation: new bounds, approximations, and a comparison of existing
methods, Review of Financial Studies 9 (1996): a Cox-Ross-Rubinstein tree whose last step is the Black-Scholes value,
extrapolated from two numbers of steps. Errors with 2,000 steps are about 1e-6 of the strike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

Dividends = Sequence[tuple[float, float]]


def american(
    spot: float,
    strike: float,
    years: float,
    rate: float,
    dividend_yield: float,
    volatility: float,
    *,
    is_call: bool,
    steps: int = 2000,
    dividends: Dividends = (),
) -> float:
    """Value under a yield, or, with `dividends` (years, $), of a stock whose part S* without them is log-normal."""
    arguments = (spot, strike, years, rate, dividend_yield, volatility, is_call, dividends)
    return 2.0 * _tree(*arguments, steps) - _tree(*arguments, steps // 2)


def _tree(
    spot: float,
    strike: float,
    years: float,
    rate: float,
    dividend_yield: float,
    volatility: float,
    is_call: bool,
    dividends: Dividends,
    steps: int,
) -> float:
    counted = [(time, amount) for time, amount in dividends if 0 < time <= years]
    base = spot - sum(amount * np.exp(-rate * time) for time, amount in counted)
    step = years / steps
    up = np.exp(volatility * np.sqrt(step))
    chance = (np.exp((rate - dividend_yield) * step) - 1 / up) / (up - 1 / up)
    assert 0 < chance < 1
    sign = 1.0 if is_call else -1.0
    level = steps - 1
    values = np.empty(0)
    while level >= 0:
        stock = base * up ** np.arange(-level, level + 1, 2.0)
        if level == steps - 1:
            values = _european(stock, strike, step, rate, dividend_yield, volatility, sign)
        else:
            values = np.exp(-rate * step) * (chance * values[1:] + (1 - chance) * values[:-1])
        ahead = sum(amount * np.exp(-rate * (time - level * step)) for time, amount in counted if time >= level * step)
        values = np.maximum(values, sign * (stock + ahead - strike))
        level -= 1
    return float(values[0])


def _european(
    stock: np.ndarray, strike: float, years: float, rate: float, dividend_yield: float, volatility: float, sign: float
) -> np.ndarray:
    deviation = volatility * np.sqrt(years)
    d1 = (np.log(stock / strike) + (rate - dividend_yield) * years) / deviation + 0.5 * deviation
    held = stock * np.exp(-dividend_yield * years) * ndtr(sign * d1)
    paid = strike * np.exp(-rate * years) * ndtr(sign * (d1 - deviation))
    return np.asarray(sign * (held - paid))
