"""Executable arbitrage by trying every combination of quotes, in plain Python."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, permutations
from math import exp

NOISE = 1e-9
RATE_TOLERANCE = 0.01


@dataclass(frozen=True)
class Quote:
    """One option of one (root, expiration); `side` "call" or "put"."""

    strike: float
    side: str
    bid: float
    ask: float


@dataclass(frozen=True)
class Market:
    american: bool
    rate: float
    years: float
    stock_bid: float
    stock_ask: float


def violations(quotes: list[Quote], market: Market) -> list[frozenset[int]]:
    """The positions of the quotes of every arbitrage there is."""
    found: list[frozenset[int]] = []
    found += _intrinsic(quotes, market)
    found += _monotone(quotes)
    found += _convex(quotes)
    found += _stock_parity(quotes, market)
    found += _boxes(quotes, market)
    return found


def _intrinsic(quotes: list[Quote], market: Market) -> list[frozenset[int]]:
    result = []
    for position, quote in enumerate(quotes):
        exercised = market.stock_bid - quote.strike if quote.side == "call" else quote.strike - market.stock_ask
        if market.american and exercised - quote.ask > NOISE:
            result.append(frozenset({position}))
    return result


def _monotone(quotes: list[Quote]) -> list[frozenset[int]]:
    result = []
    for i, j in permutations(range(len(quotes)), 2):
        bought, sold = quotes[i], quotes[j]
        covers = bought.strike < sold.strike if bought.side == "call" else bought.strike > sold.strike
        if bought.side == sold.side and covers and sold.bid - bought.ask > NOISE:
            result.append(frozenset({i, j}))
    return result


def _convex(quotes: list[Quote]) -> list[frozenset[int]]:
    result = []
    for side in ("call", "put"):
        positions = sorted((p for p, q in enumerate(quotes) if q.side == side), key=lambda p: quotes[p].strike)
        for i, j, k in combinations(positions, 3):
            low, body, high = quotes[i], quotes[j], quotes[k]
            if not low.strike < body.strike < high.strike:
                continue
            share = (high.strike - body.strike) / (high.strike - low.strike)
            if body.bid - (share * low.ask + (1 - share) * high.ask) > NOISE * (high.strike - low.strike):
                result.append(frozenset({i, j, k}))
    return result


def _stock_parity(quotes: list[Quote], market: Market) -> list[frozenset[int]]:
    discount = exp(-(market.rate + RATE_TOLERANCE) * market.years)
    result = []
    for strike, (c, p) in _twins(quotes).items():
        received = quotes[c].bid - quotes[p].ask
        if market.american and received - market.stock_ask + strike * discount > NOISE:
            result.append(frozenset({c, p}))
    return result


def _boxes(quotes: list[Quote], market: Market) -> list[frozenset[int]]:
    low = exp(-(market.rate + RATE_TOLERANCE) * market.years)
    high = exp(-(market.rate - RATE_TOLERANCE) * market.years)
    result = []
    for (near, (c, p)), (far, (d, q)) in combinations(sorted(_twins(quotes).items()), 2):
        pays = far - near
        cost = quotes[c].ask - quotes[p].bid - quotes[d].bid + quotes[q].ask
        received = quotes[c].bid - quotes[p].ask - quotes[d].ask + quotes[q].bid
        if pays * low - cost > NOISE or (not market.american and received - pays * high > NOISE):
            result.append(frozenset({c, p, d, q}))
    return result


def _twins(quotes: list[Quote]) -> dict[float, tuple[int, int]]:
    calls = {quote.strike: position for position, quote in enumerate(quotes) if quote.side == "call"}
    puts = {quote.strike: position for position, quote in enumerate(quotes) if quote.side == "put"}
    return {strike: (calls[strike], puts[strike]) for strike in calls if strike in puts}
