"""What a seller earns, risks and ties up: definitions 2, one function per number.

Arguments are keyword-only float64 arrays that broadcast; $ per share unless said otherwise, NaN is unknown and stays
unknown. Percentages are in percent. `is_put` tells the cash-secured put from the covered call. Nothing raises on a
value: what has no meaning is NaN.
"""

from __future__ import annotations

import numpy as np

from scanner.pricing.arrays import Flags, Floats


def seller_premium(*, bid: Floats, ask: Floats, fraction: float) -> Floats:
    """The price a seller gets: bid + fraction x (ask - bid); `fraction` 0 is the bid, 0.5 the mid.

    Unknown without a positive bid. Away from the bid also unknown where the ask is missing or below the bid.
    """
    if fraction == 0:
        return np.where(bid > 0, bid, np.nan)
    return np.where((bid > 0) & (ask >= bid), bid + fraction * (ask - bid), np.nan)


def collateral(*, strike: Floats, spot: Floats, is_put: Flags) -> Floats:
    """What one share's worth of the position ties up, $/share: the strike of the put, the stock of the covered call."""
    return np.where(is_put, strike, spot)


def premium_pct(*, premium: Floats, collateral: Floats) -> Floats:
    """premium / strike x 100 for the put, premium / spot x 100 for the covered call; NaN on collateral of 0."""
    return _ratio(premium, collateral) * 100


def break_even(*, premium: Floats, collateral: Floats) -> Floats:
    """strike - premium for the put, spot - premium for the covered call, $/share."""
    return collateral - premium


def downside_protection(*, spot: Floats, break_even: Floats) -> Floats:
    """(spot - break_even) / spot x 100: how far the stock may fall before the position loses."""
    return _ratio(spot - break_even, spot) * 100


def if_called_return(*, premium: Floats, strike: Floats, spot: Floats, is_put: Flags) -> Floats:
    """Covered call: (strike - spot + premium) / spot x 100, the return if the stock is called away. NaN for puts."""
    return np.where(is_put, np.nan, _ratio(strike - spot + premium, spot) * 100)


def scaled_return(*, premium_pct: Floats, dte: Floats, days: int) -> Floats:
    """premium_pct / dte x days, simple: daily (1), monthly (30), annual (365). NaN on the expiration day and after it.

    On the day itself the reason is that the contract expires today: a return per day of zero days has no meaning.
    """
    return _ratio(premium_pct, np.where(dte > 0, dte, np.nan)) * days


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)
