"""Target expirations by the words of definitions 4, slowly: every pair of target and listed expiration is looked at."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

TOLERANCE = {7: 3, 14: 5, 21: 5, 30: 7, 45: 10, 60: 15}


def taken_by(target: int, listed: Collection[date], today: date) -> date | None:
    best: date | None = None
    for expiration in sorted(listed):
        away = abs((expiration - today).days - target)
        if away > TOLERANCE[target]:
            continue
        if best is None or away < abs((best - today).days - target):
            best = expiration
    return best


def targets_of(listed: Collection[date], today: date, targets: Collection[int]) -> dict[date, int]:
    owners: dict[date, list[int]] = {}
    for target in targets:
        expiration = taken_by(target, listed, today)
        if expiration is not None:
            owners.setdefault(expiration, []).append(target)
    result: dict[date, int] = {}
    for expiration, claims in owners.items():
        result[expiration] = min(claims, key=lambda claim: (abs((expiration - today).days - claim), claim))
    return result
