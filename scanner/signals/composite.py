"""The composite score, exactly 0 to 100, of an opportunity, in its three parts; and its signal (definitions 7).

Asymmetric by design: a put under normal skew gets 5 of 30 points for it and cannot pass 75. Volume carries no side, so
a score says that something unusual was traded, not who bought.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanner.model import OptionType
from scanner.pricing.arrays import Flags, Floats
from scanner.schema import OPPORTUNITY, as_declared
from scanner.signals.flow import LEAST_VOLUME, LEAST_WHALE

LEAST_RATIO: Final = 3.0

WHALE_POINTS: Final = ((200.0, 35), (100.0, 25), (50.0, 15))
FRESH_POINTS: Final = ((8.0, 35), (6.0, 30), (4.0, 20), (3.0, 10))
CALL_SKEW_POINTS: Final = ((6.0, 30), (4.0, 20), (3.0, 10))
UNALIGNED_POINTS: Final = 5
"""For a known skew that is not aligned with the contract."""

Points = NDArray[np.int64]


class SignalType(StrEnum):
    """What skew and volume suggest; the first that matches, in this order."""

    CONTRARIAN_BULL = "CONTRARIAN_BULL"
    CONTRARIAN_BEAR = "CONTRARIAN_BEAR"
    MOMENTUM_BULL = "MOMENTUM_BULL"
    MOMENTUM_BEAR = "MOMENTUM_BEAR"
    NEUTRAL = "NEUTRAL"


class Band(StrEnum):
    """Names of ranges of the composite score."""

    EXTREME = "extreme"
    STRONG = "strong"
    MODERATE = "moderate"
    LOW = "low"


def band(composite_score: int) -> Band:
    """80-100 extreme, 60-79 strong, 40-59 moderate, below 40 low."""
    if composite_score >= 80:
        return Band.EXTREME
    if composite_score >= 60:
        return Band.STRONG
    return Band.MODERATE if composite_score >= 40 else Band.LOW


def whale_points(whale_exact: Floats) -> Points:
    """35 from 200, 25 from 100, 15 from 50, of the score before rounding; 0 below and where unknown."""
    return _steps(whale_exact, WHALE_POINTS)


def fresh_points(vol_oi_ratio: Floats) -> Points:
    """35 from 8, 30 from 6, 20 from 4, 10 from 3; 0 below and where unknown."""
    return _steps(vol_oi_ratio, FRESH_POINTS)


def skew_points(skew_25d: Floats, is_call: Flags) -> Points:
    """Calls: 30 from 6 points of skew, 20 from 4, 10 from 3. Puts: 30 to -1, 20 below 0. Otherwise 5; unknown 0."""
    calls = _steps(skew_25d, CALL_SKEW_POINTS)
    puts = np.where(skew_25d <= -1, 30, np.where(skew_25d < 0, 20, 0))
    aligned = np.where(is_call, calls, puts)
    return np.where(np.isnan(skew_25d), 0, np.where(aligned > 0, aligned, UNALIGNED_POINTS)).astype(np.int64)


def signal_types(skew_25d: Floats, vol_ratio: Floats, is_call: Flags) -> list[SignalType]:
    """The first `SignalType` that matches each contract; an unknown skew or ratio matches nothing."""
    conditions = [
        (skew_25d > 5) & is_call,
        (skew_25d < -1) & ~is_call,
        (vol_ratio < -30) & is_call,
        (vol_ratio > 30) & ~is_call,
    ]
    kinds = tuple(SignalType)
    return [kinds[code] for code in np.select(conditions, range(len(conditions)), len(conditions)).tolist()]


def opportunities(flow: pd.DataFrame, expirations: pd.DataFrame) -> pd.DataFrame:
    """The contracts of a `schema.FLOW` frame that are opportunities, a `schema.OPPORTUNITY` frame, best first.

    `expirations` is the `schema.EXPIRY_SIGNALS` frame of the same symbols. An opportunity has a whale score of 50, a
    ratio of volume to open interest of 3 and a volume of 100, all before rounding and inclusive. Ties: by whale score,
    then symbol and contract.
    """
    met = (
        (flow["whale_exact"] >= LEAST_WHALE) & (flow["vol_oi_ratio"] >= LEAST_RATIO) & (flow["volume"] >= LEAST_VOLUME)
    )
    if not met.any():
        return OPPORTUNITY.empty()
    key = ["symbol", "root", "expiration"]
    rows: pd.DataFrame = flow[met].merge(expirations[[*key, "skew_25d", "vol_ratio"]], on=key, how="left")
    skew, is_call = rows["skew_25d"].to_numpy(), (rows["option_type"] == OptionType.CALL.value).to_numpy(dtype=bool)
    parts: dict[str, Any] = {
        "whale_points": whale_points(rows["whale_exact"].to_numpy()),
        "fresh_points": fresh_points(rows["vol_oi_ratio"].to_numpy()),
        "skew_points": skew_points(skew, is_call),
    }
    scored = rows.assign(
        **parts,
        composite_score=sum(parts.values()),
        signal_type=[kind.value for kind in signal_types(skew, rows["vol_ratio"].to_numpy(), is_call)],
    )
    ranked = scored.sort_values(
        ["composite_score", "whale_exact", "symbol", "occ_symbol"], ascending=[False, False, True, True]
    )
    return as_declared(ranked, OPPORTUNITY).reset_index(drop=True)


def _steps(values: Floats, steps: tuple[tuple[float, int], ...]) -> Points:
    """The points of the first step that a value reaches."""
    return np.select([values >= least for least, _ in steps], [points for _, points in steps], 0).astype(np.int64)
