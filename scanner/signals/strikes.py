"""Open interest, volume and gamma exposure by strike (definitions 5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scanner.model import OptionType
from scanner.schema import STRIKE_FLOW, as_declared

_SUMMED = ("volume", "open_interest", "gex")


@dataclass(frozen=True, slots=True)
class Walls:
    """The strike with most open interest on each side; None where none is held, or known."""

    call: float | None
    put: float | None


def walls(strikes: pd.DataFrame) -> Walls:
    """The walls of a `schema.STRIKE_FLOW` frame; of strikes with as much the lowest."""
    return Walls(call=_wall(strikes, "call_open_interest"), put=_wall(strikes, "put_open_interest"))


def _wall(strikes: pd.DataFrame, name: str) -> float | None:
    held = strikes[strikes[name] > 0]
    return None if held.empty else float(held["strike"].array[held[name].argmax()])


def by_strike(flow: pd.DataFrame) -> pd.DataFrame:
    """Sums of a `schema.FLOW` frame of one underlying over its expirations: `schema.STRIKE_FLOW`, ascending.

    Unknown numbers are left out of a sum; a sum without a known number is unknown. `net_gex` counts calls positive and
    puts negative, whoever holds them: a naive sign convention.
    """
    sums = {
        f"{side.value}_{name}": flow.loc[flow["option_type"] == side.value].groupby("strike")[name].sum(min_count=1)
        for side in OptionType
        for name in _SUMMED
    }
    frame = pd.DataFrame(sums, index=pd.Index(np.unique(flow["strike"]), name="strike")).reset_index()
    frame["put_gex"] = -frame["put_gex"]
    frame["net_gex"] = frame[["call_gex", "put_gex"]].sum(axis=1, min_count=1)
    return as_declared(frame, STRIKE_FLOW)
