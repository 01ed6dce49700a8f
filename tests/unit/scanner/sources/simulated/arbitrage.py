"""Arbitrage at bids and asks, looked for pair by pair and triple by triple: slow and independent of scanner.pricing."""

from __future__ import annotations

from itertools import combinations
from math import exp

import pandas as pd

_NOISE = 1e-9


def findings(contracts: pd.DataFrame, *, stock_bid: float, stock_ask: float, years: float, rate: float) -> list[str]:
    """What could be locked in among the contracts of one American (root, expiration); empty where nothing."""
    puts = contracts[contracts["option_type"] == "put"].sort_values("strike")
    calls = contracts[contracts["option_type"] == "call"].sort_values("strike")
    return [
        *_against_stock(puts, calls, stock_bid, stock_ask),
        *_two_strikes(puts, calls),
        *_butterflies(puts),
        *_butterflies(calls),
        *_conversions(puts, calls, stock_bid, stock_ask, exp(-rate * years)),
    ]


def _rows(frame: pd.DataFrame) -> list[tuple[float, float, float]]:
    return list(zip(frame["strike"], frame["bid"], frame["ask"], strict=True))


def _against_stock(puts: pd.DataFrame, calls: pd.DataFrame, stock_bid: float, stock_ask: float) -> list[str]:
    found = [f"put {k} under intrinsic" for k, _, ask in _rows(puts) if ask + stock_ask < k - _NOISE]
    found += [f"call {k} under intrinsic" for k, _, ask in _rows(calls) if ask + k < stock_bid - _NOISE]
    found += [f"put {k} over its strike" for k, bid, _ in _rows(puts) if bid > k + _NOISE]
    return found + [f"call {k} over the stock" for k, bid, _ in _rows(calls) if bid > stock_ask + _NOISE]


def _two_strikes(puts: pd.DataFrame, calls: pd.DataFrame) -> list[str]:
    found = []
    for (low, low_bid, low_ask), (high, high_bid, high_ask) in combinations(_rows(puts), 2):
        if low_bid > high_ask + _NOISE:
            found.append(f"put {low} bid over put {high} ask")
        if high_bid - low_ask > high - low + _NOISE:
            found.append(f"put spread {low} {high} over its width")
    for (low, low_bid, low_ask), (high, high_bid, high_ask) in combinations(_rows(calls), 2):
        if high_bid > low_ask + _NOISE:
            found.append(f"call {high} bid over call {low} ask")
        if low_bid - high_ask > high - low + _NOISE:
            found.append(f"call spread {low} {high} over its width")
    return found


def _butterflies(side: pd.DataFrame) -> list[str]:
    found = []
    for (low, _, low_ask), (mid, mid_bid, _), (high, _, high_ask) in combinations(_rows(side), 3):
        weight = (high - mid) / (high - low)
        if mid_bid > weight * low_ask + (1.0 - weight) * high_ask + _NOISE:
            found.append(f"butterfly {low} {mid} {high}")
    return found


def _conversions(
    puts: pd.DataFrame, calls: pd.DataFrame, stock_bid: float, stock_ask: float, discount: float
) -> list[str]:
    """American parity without its dividend side: C - P <= S - K e^{-rT}."""
    found = []
    for (strike, _, put_ask), (same, call_bid, _) in zip(_rows(puts), _rows(calls), strict=True):
        assert strike == same
        if call_bid - put_ask > stock_ask - strike * discount + _NOISE:
            found.append(f"conversion {strike}")
    return found
