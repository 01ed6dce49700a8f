"""The 400 American options of the speed comparison, and QuantLib's values of them."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

COUNT = 400


def american_grid(count: int = COUNT) -> dict[str, Any]:
    """Spot 100, strikes 75-130, 7 days to 2 years, volatilities 12-70 %, rates 2-6 %, yields 0-6 %, calls and puts."""
    random = np.random.default_rng(20261121)
    return {
        "spot": np.full(count, 100.0),
        "strike": random.uniform(75, 130, count),
        "years": random.integers(7, 731, count) / 365,
        "volatility": random.uniform(0.12, 0.7, count),
        "rate": random.uniform(0.02, 0.06, count),
        "dividend_yield": random.uniform(0.0, 0.06, count),
        "is_call": random.random(count) < 0.5,
    }


def quantlib() -> Any:
    """The QuantLib module, or None where it is not installed."""
    try:
        return importlib.import_module("QuantLib")
    except ImportError:
        return None


class QuantLibOptions:
    """American options built once, so that setting the quotes and asking for a value is all that is timed.

    `scheme`: "fast", "accurate" or "highPrecision" of QdFpAmericanEngine. Years are whole days over 365.
    """

    def __init__(self, ql: Any, contracts: dict[str, Any], scheme: str) -> None:
        today = ql.Date(21, 11, 2025)
        ql.Settings.instance().evaluationDate = today
        counter, calendar = ql.Actual365Fixed(), ql.NullCalendar()
        self.options = []
        self.quotes = []
        self.volatilities = contracts["volatility"].tolist()
        for row in range(len(contracts["spot"])):
            of = {name: column[row].item() for name, column in contracts.items()}
            quotes = [ql.SimpleQuote(of[name]) for name in ("spot", "dividend_yield", "rate", "volatility")]
            spot, dividend_yield, rate, volatility = (ql.QuoteHandle(quote) for quote in quotes)
            process = ql.BlackScholesMertonProcess(
                spot,
                ql.YieldTermStructureHandle(ql.FlatForward(today, dividend_yield, counter)),
                ql.YieldTermStructureHandle(ql.FlatForward(today, rate, counter)),
                ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, calendar, volatility, counter)),
            )
            side = ql.Option.Call if of["is_call"] else ql.Option.Put
            exercise = ql.AmericanExercise(today, today + round(of["years"] * 365))
            option = ql.VanillaOption(ql.PlainVanillaPayoff(side, of["strike"]), exercise)
            chosen = getattr(ql.QdFpAmericanEngine, f"{scheme}Scheme")()
            option.setPricingEngine(ql.QdFpAmericanEngine(process, chosen))
            self.options.append((option, process))
            self.quotes.append(quotes[3])

    def prices(self) -> NDArray[np.float64]:
        """All values, computed afresh: the volatility quotes are moved away and back."""
        values = np.empty(len(self.options))
        for row, ((option, _), quote) in enumerate(zip(self.options, self.quotes, strict=True)):
            quote.setValue(0.0)
            quote.setValue(self.volatilities[row])
            values[row] = option.NPV()
        return values

    def implied(self, prices: NDArray[np.float64], count: int) -> NDArray[np.float64]:
        """QuantLib's own implied volatility of the first `count` options; NaN where it raises."""
        values = np.full(count, np.nan)
        for row in range(count):
            option, process = self.options[row]
            try:
                values[row] = option.impliedVolatility(prices[row].item(), process)
            except RuntimeError:
                continue
        return values
