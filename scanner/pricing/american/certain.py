"""American options without randomness: no time or no volatility left."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scanner.pricing.arrays import Floats


class Certain(NamedTuple):
    """Of puts with strike 1. At a kink of the price the derivatives are NaN."""

    price: Floats
    premium: Floats
    slope: Floats
    curvature: Floats


def certain_puts(spot: Floats, rate: Floats, dividend_yield: Floats, years: Floats) -> Certain:
    """The best of exercising at any time t up to `years`: e^{-rt} - x e^{-qt}, or nothing.

    The best time is now, the end, or where the derivative is 0: e^{(r-q) t} = r/(q x), a maximum if q > r > 0.
    """
    with np.errstate(all="ignore"):
        difference = rate - dividend_yield
        turn = np.log(rate / (dividend_yield * spot)) / difference
        inside = (dividend_yield > rate) & (rate > 0) & (turn > 0) & (turn < years)
        times = np.stack((np.zeros_like(years), years, np.where(inside, turn, 0.0)))
        gains = np.exp(-rate * times) - spot * np.exp(-dividend_yield * times)
    best = np.argmax(gains, axis=0)
    gain = np.take_along_axis(gains, best[None], axis=0)[0]
    time = np.take_along_axis(times, best[None], axis=0)[0]
    kept = np.exp(-dividend_yield * time)
    with np.errstate(all="ignore"):
        curvature = np.where(best == 2, -dividend_yield * kept / (spot * difference), 0.0)
    worth = gain > 0
    kink = gain == 0
    return Certain(
        price=np.maximum(gain, 0.0),
        premium=np.maximum(gain, 0.0) - np.maximum(gains[1], 0.0),
        slope=np.where(kink, np.nan, np.where(worth, -kept, 0.0)),
        curvature=np.where(kink, np.nan, np.where(worth, curvature, 0.0)),
    )
