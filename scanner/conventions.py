"""Units and scales used everywhere. A number is converted here or not at all."""

from __future__ import annotations

from typing import Final

SECONDS_PER_YEAR: Final = 365 * 86_400
"""ACT/365 to the second: the denominator of `years_to_expiry`."""

DAYS_PER_YEAR: Final = 365
"""Calendar days; theta is per calendar day."""

RETURN_DAYS_MONTHLY: Final = 30
RETURN_DAYS_ANNUAL: Final = 365
"""Simple scaling of `premium_pct / dte`."""

STANDARD_MULTIPLIER: Final = 100
"""Shares per standard equity option contract."""

VEGA_PER_VOL_POINT: Final = 0.01
"""Vega is reported per 1 volatility point (0.01)."""

RHO_PER_PERCENT: Final = 0.01
"""Rho is reported per 1 % change of the rate."""

THETA_PER_CALENDAR_DAY: Final = 1.0 / DAYS_PER_YEAR
"""Theta is reported per calendar day."""

PREFERRED_DELTA: Final = 0.30
"""Between rows of one premium and open interest, the absolute delta nearest to this one is the better."""
