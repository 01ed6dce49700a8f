"""The interest rate curve: continuous rates by time to expiry."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from scanner.errors import InputError
from scanner.pricing.arrays import Floats, as_floats

_LARGEST_RATE = 1.0


@dataclass(frozen=True, slots=True)
class RateCurve:
    """Continuously compounded rates (decimal per year) at times in years: linear in between, flat outside.

    Raises InputError for no or unequally many points, times that are negative or not ascending, and rates that are
    not finite or above 100 % (a percentage where a decimal is meant).
    """

    years: tuple[float, ...]
    rates: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.years or len(self.years) != len(self.rates):
            raise InputError("a rate curve needs at least one time and as many rates as times")
        if not all(math.isfinite(time) and time >= 0 for time in self.years):
            raise InputError(f"times of a rate curve are years from now, not {self.years}")
        if not all(earlier < later for earlier, later in pairwise(self.years)):
            raise InputError(f"times of a rate curve must ascend, not {self.years}")
        if not all(abs(rate) <= _LARGEST_RATE for rate in self.rates):
            raise InputError(f"rates are decimals (0.043 for 4.3 %), not {self.rates}")

    @classmethod
    def flat(cls, rate: float) -> Self:
        """The same rate at all times."""
        return cls((0.0,), (rate,))

    def rate(self, years: ArrayLike) -> Floats:
        """Rates at `years`, in its shape. Unknown (NaN) times have unknown rates."""
        (times,) = as_floats(years=years)
        if len(self.rates) == 1:
            return np.where(np.isnan(times), np.nan, self.rates[0])
        return np.asarray(np.interp(times, self.years, self.rates), dtype=np.float64)
