"""European options from one minute to three years, 1 % to 500 % volatility, strikes from e^-2.5 to e^2.5 forwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.reference import european

MINUTE = 1 / (365 * 24 * 60)
FORWARD = 100.0
RATE = 0.03


@dataclass(frozen=True)
class HardGrid:
    """34,944 contracts; arrays run parallel."""

    strike: NDArray[np.float64]
    years: NDArray[np.float64]
    volatility: NDArray[np.float64]
    is_call: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.strike)

    def contract(self, rows: Any) -> dict[str, Any]:
        """Arguments of an implied volatility but for the price."""
        return {
            "forward": FORWARD,
            "strike": self.strike[rows],
            "years": self.years[rows],
            "rate": RATE,
            "is_call": self.is_call[rows],
        }

    def solvable(self, price: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Time value (undiscounted) above 1e-10 and above 1e-8 of the price: the price says what the volatility is."""
        sign = np.where(self.is_call, 1.0, -1.0)
        time_value = price * np.exp(RATE * self.years) - np.maximum(sign * (FORWARD - self.strike), 0.0)
        return (time_value > 1e-10) & (time_value > 1e-8 * price)

    def exact_price(self, row: int) -> float:
        """The price of one contract in 40 digits, rounded once."""
        return european.price(
            european.Option(
                FORWARD,
                float(self.strike[row]),
                float(self.years[row]),
                RATE,
                RATE,
                float(self.volatility[row]),
                bool(self.is_call[row]),
            )
        )


def hard_grid() -> HardGrid:
    """21 strikes x 26 times x 32 volatilities x both sides."""
    axes = np.meshgrid(
        FORWARD * np.exp(np.linspace(-2.5, 2.5, 21)),
        np.concatenate([np.geomspace(MINUTE, 0.05, 6), np.linspace(0.1, 3.0, 20)]),
        np.geomspace(0.01, 5.0, 32),
        np.array([True, False]),
        indexing="ij",
    )
    strike, years, volatility, is_call = (axis.ravel() for axis in axes)
    return HardGrid(strike, years, volatility, is_call.astype(np.bool_))
