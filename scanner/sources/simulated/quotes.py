"""From fair values to quotes: ticks, spreads, traded volume, open interest, times.

The bid is rounded down and the ask up, around the fair value: since fair values admit no arbitrage, no trade at bids
and asks can either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from scanner.sources.simulated.companies import Company, Listing
from scanner.sources.simulated.hashing import Floats, Integers, stream, uniforms

_DRAWS: Final = 8
_CENTS: Final = 100.0
_CHEAP_BELOW_CENTS: Final = 300.0
_LEAST_PERIOD_MICROSECONDS: Final = 2_000_000
_PERIOD_RANGE_MICROSECONDS: Final = 48_000_000
_VENDOR_IV_ERROR: Final = 0.004
_TINY: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Habits:
    """What is constant for each contract during one session. Arrays have one entry per contract.

    `half_spread` is relative to price ** 0.8, `day_volume` the volume a whole session brings, `period` and `phase`
    say when a quote is refreshed, in microseconds.
    """

    half_spread: Floats
    open_interest: Floats
    day_volume: Floats
    last_offset: Floats
    vendor_iv_offset: Floats
    period: Integers
    phase: Integers


@dataclass(frozen=True, slots=True)
class Quotes:
    """Quotes of a chain, one entry per contract; $ per share, counts, `time` in microseconds since 1970 UTC."""

    bid: Floats
    ask: Floats
    last: Floats
    volume: Floats
    vendor_iv: Floats
    time: Integers


def contract_ids(expiration_ordinal: Integers, strike: Floats, is_call: np.ndarray) -> Integers:
    """A number per contract that never changes: expiration, strike in thousandths and side."""
    thousandths = np.rint(strike * 1000.0).astype(np.int64)
    ids: Integers = (expiration_ordinal << 28) | (thousandths << 1) | is_call
    return ids


def habits(
    seed: int, company: Company, session_ordinal: int, ids: Integers, deviations: Floats, days: Floats
) -> Habits:
    """Draw the habits of contracts `deviations` standard deviations out of the money with `days` to expiration."""
    draw_index = ids * _DRAWS + np.arange(_DRAWS)[:, None]
    fixed = uniforms(stream(seed, company.symbol, "contract"), draw_index)
    today = uniforms(stream(seed, company.symbol, "contract", session_ordinal), draw_index)
    interest = (
        company.activity * np.exp(-0.25 * deviations**2) * np.exp(2.4 * (fixed[0] - 0.5)) * (0.9 + 0.2 * today[0])
    )
    turnover = (0.06 + 0.3 * np.exp(-days / 12.0)) * np.exp(2.6 * (today[1] - 0.6))
    return Habits(
        half_spread=company.spread * (0.7 + 0.6 * fixed[1]) * (0.9 + 0.2 * today[2]),
        open_interest=np.floor(interest),
        day_volume=interest * turnover,
        last_offset=2.0 * today[3] - 1.0,
        vendor_iv_offset=_VENDOR_IV_ERROR * (2.0 * today[4] - 1.0),
        period=(_LEAST_PERIOD_MICROSECONDS + _PERIOD_RANGE_MICROSECONDS * fixed[2] ** 2).astype(np.int64),
        phase=(fixed[3] * _PERIOD_RANGE_MICROSECONDS).astype(np.int64),
    )


def quotes(
    company: Company,
    known: Habits,
    fair: Floats,
    volatility: Floats,
    *,
    elapsed: float,
    now: int,
    opened: int,
    is_closed: bool,
) -> Quotes:
    """The quotes at `now` (microseconds), the part `elapsed` of the session gone; at the close each is its own time."""
    half = 0.006 + known.half_spread * fair**0.8
    bid = _down(fair - half, company)
    ask = _up(fair + half, company)
    volume = np.floor(known.day_volume * traded_part(elapsed))
    quiet = volume == 0.0
    last = np.round(fair + half * known.last_offset * np.where(quiet, 3.0, 0.8), 2)
    last[(last < 0.01) | (quiet & (known.open_interest < 5.0))] = np.nan
    age = np.zeros_like(known.period) if is_closed else (now - known.phase) % known.period
    return Quotes(
        bid=bid,
        ask=ask,
        last=last,
        volume=volume,
        vendor_iv=np.round(np.maximum(0.01, volatility + known.vendor_iv_offset), 4).astype(np.float64, copy=False),
        time=np.maximum(opened, now - age),
    )


def traded_part(elapsed: float) -> float:
    """The part of a day's volume traded after the part `elapsed` of the session: more near open and close."""
    return (elapsed + 0.25 * ((2.0 * elapsed - 1.0) ** 3 + 1.0)) / 1.5


def _down(price: Floats, company: Company) -> Floats:
    """Round down to the tick; 0 where less than one tick is left: a zero bid."""
    cents = price * _CENTS
    tick = _tick_cents(cents, company)
    floored: Floats = np.maximum(0.0, np.floor(cents / tick + _TINY) * tick) / _CENTS
    return floored


def _up(price: Floats, company: Company) -> Floats:
    cents = price * _CENTS
    tick = _tick_cents(cents, company)
    raised: Floats = np.ceil(cents / tick - _TINY) * tick / _CENTS
    return raised


def _tick_cents(cents: Floats, company: Company) -> Floats:
    """Minimum price increments: penny everywhere for the widest names, 1 and 5 cents in the penny programme, else 5
    and 10, the larger one from $3 on."""
    if company.listing is Listing.WIDE:
        return np.ones_like(cents)
    small, large = (1.0, 5.0) if company.penny_ticks else (5.0, 10.0)
    return np.where(cents < _CHEAP_BELOW_CENTS, small, large)
