"""Why an opportunity has its score and its signal, in words (definitions 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd

from app.ui import formats
from scanner.signals.composite import (
    CALL_SKEW_POINTS,
    FRESH_POINTS,
    UNALIGNED_POINTS,
    WHALE_POINTS,
    SignalType,
    band,
)

_PUT_SKEW: Final = "30 from -1 down, 20 below 0"

_SKEW_STEPS: Final = (*(least for least, _ in CALL_SKEW_POINTS), 5.0, 0.0, -1.0)
_VOLUME_STEPS: Final = (-30.0, 30.0)
_MOST_DIGITS: Final = 6

_SIGNALS: Final = {
    SignalType.CONTRARIAN_BULL: "a call while the skew is above 5",
    SignalType.CONTRARIAN_BEAR: "a put while the skew is below -1",
    SignalType.MOMENTUM_BULL: "a call while call volume leads by more than 30 %",
    SignalType.MOMENTUM_BEAR: "a put while put volume leads by more than 30 %",
    SignalType.NEUTRAL: "neither the skew nor the volume of the expiration points its way",
}


def headline(row: pd.Series) -> str:
    """ "Score 85 of 100, extreme: 35 whale + 35 fresh + 15 skew"."""
    score = int(row["composite_score"])
    parts = f"{row['whale_points']} whale + {row['fresh_points']} fresh + {row['skew_points']} skew"
    return f"Score {score} of 100, {band(score).value}: {parts}"


def reasons(row: pd.Series) -> list[str]:
    """A sentence for each part of the score and one for the signal; `row` of `schema.TOP_OPPORTUNITY`."""
    return [_whale(row), _fresh(row), _skew(row), _signal(row)]


def _whale(row: pd.Series) -> str:
    score = _beside(row["whale_exact"], [least for least, _ in WHALE_POINTS])
    return (
        f"**{row['whale_points']} of 35 for whale flow.** The whale score is {score} (points: {_steps(WHALE_POINTS)})."
    )


def _fresh(row: pd.Series) -> str:
    ratio = _beside(row["vol_oi_ratio"], [least for least, _ in FRESH_POINTS])
    return (
        f"**{row['fresh_points']} of 35 for fresh open interest.** Today's volume of {formats.count(row['volume'])} is "
        f"{ratio} times the {formats.count(row['open_interest'])} contracts that were open after the session before "
        f"(points: {_steps(FRESH_POINTS)})."
    )


def _skew(row: pd.Series) -> str:
    begin, side = f"**{row['skew_points']} of 30 for skew.**", row["option_type"]
    if formats.is_unknown(row["skew_25d"]):
        return f"{begin} The skew of this expiration is unknown: no two strikes with a clean quote around 25 delta."
    steps = _steps(CALL_SKEW_POINTS) if side == "call" else _PUT_SKEW
    return (
        f"{begin} The expiration's skew is {_beside(row['skew_25d'], _SKEW_STEPS, '+')} points and this is a {side} "
        f"(points for a {side}: {steps}, otherwise {UNALIGNED_POINTS})."
    )


def _signal(row: pd.Series) -> str:
    kind = SignalType(row["signal_type"])
    skew, ratio = _beside(row["skew_25d"], _SKEW_STEPS, "+"), _beside(row["vol_ratio"], _VOLUME_STEPS, "+")
    return (
        f"**{formats.words(kind.value)}**: {_SIGNALS[kind]} (skew {skew}, volume ratio {ratio}; -100 is all calls, 100 "
        "all puts)."
    )


def _beside(value: float, steps: Sequence[float], sign: str = "") -> str:
    """The value with as many digits as show on which side of every step it is."""
    if formats.is_unknown(value):
        return formats.UNKNOWN
    digits = next((digits for digits in range(1, _MOST_DIGITS) if _same_side(value, digits, steps)), _MOST_DIGITS)
    return f"{value:{sign},.{digits}f}"


def _same_side(value: float, digits: int, steps: Sequence[float]) -> bool:
    shown = round(value, digits)
    return all((shown > step, shown < step) == (value > step, value < step) for step in steps)


def _steps(steps: tuple[tuple[float, int], ...]) -> str:
    """ "15 from 50, 25 from 100, 35 from 200"."""
    return ", ".join(f"{points} from {least:g}" for least, points in reversed(steps))
