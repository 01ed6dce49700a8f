"""What changed between two runs of a saved scan: who entered, who left, who moved, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from scanner.model import RejectionReason


class Change(StrEnum):
    ENTERED = "entered"
    LEFT = "left"
    MOVED = "moved"


class Place(StrEnum):
    """Why a contract is not among the rows of a run although no filter rejects it."""

    NO_CHAIN = "no_chain"
    NOT_IN_CHAIN = "not_in_chain"
    NOT_IN_UNIVERSE = "not_in_universe"
    NOT_THE_BEST = "not_the_best"
    BEYOND_THE_ROWS = "beyond_the_rows"


Verdict = RejectionReason | Place


@dataclass(frozen=True, slots=True)
class Difference:
    """One contract of two runs; `rank` counts from 1, None where it is in one of them alone.

    `verdict`: why it is not in the other one. The changes are those from the earlier to the later run, None unknown:
    stock price in %, volatility in vol points, premium in $/share, days to expiration.
    """

    change: Change
    symbol: str
    occ_symbol: str
    rank_before: int | None
    rank_now: int | None
    verdict: Verdict | None = None
    spot_pct: float | None = None
    iv_points: float | None = None
    premium: float | None = None
    days: int | None = None


def missing(rows: pd.DataFrame, others: pd.DataFrame) -> list[tuple[str, str]]:
    """(symbol, OCC symbol) of the rows that are not among the others, in order."""
    known = set(_keys(others))
    return [key for key in _keys(rows) if key not in known]


def differences(
    before: pd.DataFrame,
    now: pd.DataFrame,
    *,
    then_absent: Mapping[tuple[str, str], Verdict],
    now_absent: Mapping[tuple[str, str], Verdict],
) -> tuple[Difference, ...]:
    """Of two ranked `schema.SCAN` frames: entered and left first, then moved; each in the order of the list.

    `then_absent` and `now_absent` say why a contract is not in the earlier and in the later frame.
    """
    earlier, later = _ranked(before), _ranked(now)
    entered = [
        Difference(Change.ENTERED, *key, None, rank, then_absent.get(key)) for key, (rank, _) in later.items()
        if key not in earlier
    ]  # fmt: skip
    left = [
        Difference(Change.LEFT, *key, rank, None, now_absent.get(key)) for key, (rank, _) in earlier.items()
        if key not in later
    ]  # fmt: skip
    moved = [_moved(key, earlier[key], found) for key, found in later.items() if key in earlier]
    return (*entered, *left, *(one for one in moved if one.rank_before != one.rank_now))


def _ranked(rows: pd.DataFrame) -> dict[tuple[str, str], tuple[int, pd.Series]]:
    return {key: (rank, rows.iloc[rank - 1]) for rank, key in enumerate(_keys(rows), start=1)}


def _keys(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(rows["symbol"].tolist(), rows["occ_symbol"].tolist(), strict=True))


def _moved(key: tuple[str, str], before: tuple[int, pd.Series], now: tuple[int, pd.Series]) -> Difference:
    (rank_before, old), (rank_now, new) = before, now
    return Difference(
        Change.MOVED,
        *key,
        rank_before,
        rank_now,
        spot_pct=_known(100 * (new["spot"] / old["spot"] - 1)),
        iv_points=_known(100 * (new["iv"] - old["iv"])),
        premium=_known(new["premium"] - old["premium"]),
        days=int(new["dte"] - old["dte"]),
    )


def _known(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
