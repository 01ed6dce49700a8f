"""American options under a continuous dividend yield: price, early-exercise premium, Greeks and implied volatility.

Arguments are keyword-only, real, and broadcast against one another; results are float64 in the broadcast shape. The
meaning and domains of `spot`, `strike`, `years`, `rate`, `dividend_yield`, `volatility` and `is_call` are those of
`scanner.pricing.black_scholes`. An argument that is no number, a flag that is no boolean or shapes that do not
broadcast raise `InputError`; an element with a NaN, an infinity or a value outside its domain gives NaN and the reason
INVALID_INPUT.

Method: the exercise boundary by collocation and fixed-point sweeps, the premium by quadrature (Andersen, Lake and
Offengenden 2016; see `scanner.pricing.kernels.american_boundary`). `Accuracy` chooses between two settings.

Rates of any sign, for a put (a call is one with rate and yield exchanged):

* r > 0, or r = 0 with q < 0: one boundary, solved;
* r <= 0 and q >= r: never exercised early, the European value;
* r < 0 and q < r: exercised between two boundaries; refused with the reason DOUBLE_BOUNDARY.

At zero time the price is what exercise pays; at zero volatility (below 1e-7 of volatility x sqrt(years)) the best of
e^{-rt} K - e^{-qt} S over t. Greeks are then its derivatives, NaN at a kink, with a vega of 0. Options that are never
exercised early go by the European formulas here, too.

Discrete dividends: `scanner.pricing.american.dividends`.
"""

from __future__ import annotations

from scanner.pricing.american.dividends import DividendPrice, escrowed_spot, price_with_dividends
from scanner.pricing.american.implied import AmericanVolatility, implied_volatility
from scanner.pricing.american.scheme import Accuracy
from scanner.pricing.american.valuation import AmericanGreeks, AmericanPrice, greeks, price

__all__ = [
    "Accuracy",
    "AmericanGreeks",
    "AmericanPrice",
    "AmericanVolatility",
    "DividendPrice",
    "escrowed_spot",
    "greeks",
    "implied_volatility",
    "price",
    "price_with_dividends",
]
