"""Definitions 5 to 7 read aloud: one contract at a time, plain floats, None for unknown."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Contract:
    """One contract of one expiration; `shares` are those traded in the underlying today."""

    side: str
    strike: float
    spot: float | None = 100.0
    mark: float | None = 2.0
    iv: float | None = 0.3
    delta: float | None = 0.5
    gamma: float | None = 0.02
    volume: float | None = 1000.0
    interest: float | None = 200.0
    multiplier: float = 100.0
    shares: float | None = 1_000_000.0
    clean: bool = True


def whale_exact(one: Contract) -> float | None:
    """By the identity, which needs no mark; but a contract without a mark has no leverage."""
    needed = (one.spot, one.mark, one.iv, one.delta, one.volume, one.interest, one.shares)
    if None in needed or not one.mark or not one.interest or not one.shares or not one.spot:
        return None
    if not near(one, 5):
        return None
    return 1000 * one.multiplier * abs(one.delta) * one.iv * one.volume**2 / (one.interest * one.shares)  # type: ignore[arg-type, operator]


def vol_oi_ratio(one: Contract) -> float | None:
    return None if one.volume is None or not one.interest else one.volume / one.interest


def oi_exact(one: Contract) -> float | None:
    ratio = vol_oi_ratio(one)
    if ratio is None or ratio < 3 or one.mark is None or one.spot is None or one.volume is None:
        return None
    if not near(one, 10):
        return None
    return ratio * one.volume * one.mark * one.multiplier / 1000


def near(one: Contract, percent: int) -> bool:
    spot = Fraction(one.spot or 0)
    return abs(Fraction(one.strike) - spot) <= spot * percent / 100


def is_opportunity(one: Contract) -> bool:
    whale, ratio = whale_exact(one), vol_oi_ratio(one)
    return whale is not None and ratio is not None and whale >= 50 and ratio >= 3 and (one.volume or 0) >= 100


def points(one: Contract, skew: float | None) -> tuple[int, int, int]:
    """Whale, fresh, skew."""
    whale, ratio = whale_exact(one) or 0.0, vol_oi_ratio(one) or 0.0
    by_whale = 35 if whale >= 200 else 25 if whale >= 100 else 15 if whale >= 50 else 0
    by_ratio = 35 if ratio >= 8 else 30 if ratio >= 6 else 20 if ratio >= 4 else 10 if ratio >= 3 else 0
    return by_whale, by_ratio, skew_points(one.side, skew)


def skew_points(side: str, skew: float | None) -> int:
    if skew is None:
        return 0
    if side == "call":
        return 30 if skew >= 6 else 20 if skew >= 4 else 10 if skew >= 3 else 5
    return 30 if skew <= -1 else 20 if skew < 0 else 5


def signal(side: str, skew: float | None, ratio: float | None) -> str:
    if skew is not None and skew > 5 and side == "call":
        return "CONTRARIAN_BULL"
    if skew is not None and skew < -1 and side == "put":
        return "CONTRARIAN_BEAR"
    if ratio is not None and ratio < -30 and side == "call":
        return "MOMENTUM_BULL"
    if ratio is not None and ratio > 30 and side == "put":
        return "MOMENTUM_BEAR"
    return "NEUTRAL"


def volume_ratio(contracts: Sequence[Contract]) -> float | None:
    puts = known_sum([one.volume for one in contracts if one.side == "put"])
    calls = known_sum([one.volume for one in contracts if one.side == "call"])
    if puts is None or calls is None or max(puts, calls) == 0:
        return None
    return (puts - calls) / max(puts, calls) * 100


def known_sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def wall(contracts: Sequence[Contract], side: str, *, volume: bool = False) -> float | None:
    best: tuple[float, float] | None = None
    for one in sorted(contracts, key=lambda contract: contract.strike):
        held = one.volume if volume else one.interest
        if one.side == side and held is not None and held > 0 and (best is None or held > best[0]):
            best = (held, one.strike)
    return None if best is None else best[1]


def skew_25d(contracts: Sequence[Contract], forward: float) -> float | None:
    """Linear in delta between the two bracketing strikes of each wing."""
    puts = [one for one in contracts if one.side == "put" and one.strike < forward and one.clean]
    calls = [one for one in contracts if one.side == "call" and one.strike > forward and one.clean]
    put = _at(sorted(puts, key=lambda one: -one.strike), -0.25)
    call = _at(sorted(calls, key=lambda one: one.strike), 0.25)
    return None if put is None or call is None else (put - call) * 100


def _at(outwards: Sequence[Contract], target: float) -> float | None:
    known = [(one.delta, one.iv) for one in outwards if one.delta is not None and one.iv is not None]
    for (near, near_iv), (far, far_iv) in itertools.pairwise(known):
        if min(near, far) <= target <= max(near, far):
            return near_iv if near == far else near_iv + (target - near) / (far - near) * (far_iv - near_iv)
    return None


@dataclass(frozen=True)
class Wings:
    """Volatilities of one expiration, decimal: at delta -0.25, at delta 0.25, at the forward."""

    put: float | None
    call: float | None
    middle: float | None


def wings(contracts: Sequence[Contract], forward: float) -> Wings:
    puts = [one for one in contracts if one.side == "put" and one.strike < forward and one.clean]
    calls = [one for one in contracts if one.side == "call" and one.strike > forward and one.clean]
    return Wings(
        put=_at(sorted(puts, key=lambda one: -one.strike), -0.25),
        call=_at(sorted(calls, key=lambda one: one.strike), 0.25),
        middle=_middle(
            [one for one in puts if one.iv is not None], [one for one in calls if one.iv is not None], forward
        ),
    )


def _middle(puts: Sequence[Contract], calls: Sequence[Contract], forward: float) -> float | None:
    """Linear in strike between the two strikes around the forward."""
    if not puts or not calls:
        return None
    below = max(puts, key=lambda one: one.strike)
    above = min(calls, key=lambda one: one.strike)
    weight = (forward - below.strike) / (above.strike - below.strike)
    return below.iv + weight * (above.iv - below.iv)  # type: ignore[operator]


def points_between(one: float | None, other: float | None) -> float | None:
    """The difference of two volatilities in vol points."""
    return None if one is None or other is None else (one - other) * 100


def total(contracts: Sequence[Contract], side: str, field: str) -> float | None:
    """Volume or open interest of a side; None where none is known."""
    return known_sum([getattr(one, field) for one in contracts if one.side == side])


def ratio(puts: float | None, calls: float | None) -> float | None:
    return None if puts is None or not calls else puts / calls


def net_gex(contracts: Sequence[Contract]) -> float | None:
    """Calls +, puts -, $ per 1 % move of the spot."""
    return known_sum(
        [None if (one_gex := gex(one)) is None else one_gex * (1 if one.side == "call" else -1) for one in contracts]
    )


def gex(one: Contract) -> float | None:
    if one.gamma is None or one.interest is None or one.spot is None:
        return None
    return one.gamma * one.interest * one.multiplier * one.spot**2 * 0.01


def straddle(contracts: Sequence[Contract], forward: float) -> float | None:
    """Both mids at the listed strike nearest the forward."""
    strike = min({one.strike for one in contracts}, key=lambda listed: (abs(listed - forward), listed))
    marks = [one.mark for one in contracts if one.strike == strike]
    return None if len(marks) != 2 or None in marks else sum(marks)  # type: ignore[arg-type]


def sentiment(mean: float | None) -> str:
    if mean is None:
        return "UNKNOWN"
    bounds = ((5, "EXTREME_FEAR"), (3, "ELEVATED_FEAR"), (-1, "NEUTRAL"), (-3, "BULLISH"))
    return next((name for bound, name in bounds if mean > bound), "EUPHORIA")
