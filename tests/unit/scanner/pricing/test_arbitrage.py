"""Chains come from a closed curve that is convex and obeys parity at rate 0, not from our pricing."""

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.pricing.arbitrage import ExecutableQuotes, executable_arbitrage
from scanner.pricing.arrays import Flags
from tests.reference.arbitrage import Market, Quote, violations

SPOT = 100.0
MARKET = Market(american=True, rate=0.0, years=0.25, stock_bid=99.99, stock_ask=100.01)


def call_value(strike: float) -> float:
    """A hyperbola: decreasing and convex in the strike, above SPOT - strike and above 0."""
    return (SPOT - strike + sqrt((SPOT - strike) ** 2 + 144.0)) / 2


def chain(strikes: range, spread: float = 0.05) -> list[Quote]:
    quotes = []
    for strike in strikes:
        call = call_value(strike)
        for side, value in (("call", call), ("put", call - SPOT + strike)):
            quotes.append(Quote(float(strike), side, value - spread / 2, value + spread / 2))
    return quotes


def as_arrays(quotes: list[Quote], market: Market, groups: list[int] | None = None) -> ExecutableQuotes:
    count = len(quotes)
    return ExecutableQuotes(
        group=np.array(groups if groups is not None else [0] * count, dtype=np.int64),
        strike=np.array([quote.strike for quote in quotes], dtype=np.float64),
        is_call=np.array([quote.side == "call" for quote in quotes], dtype=np.bool_),
        bid=np.array([quote.bid for quote in quotes], dtype=np.float64),
        ask=np.array([quote.ask for quote in quotes], dtype=np.float64),
        american=np.full(count, market.american),
        years=np.full(count, market.years),
        rate=np.full(count, market.rate),
        stock_bid=np.full(count, market.stock_bid),
        stock_ask=np.full(count, market.stock_ask),
    )


def flagged(quotes: list[Quote], market: Market = MARKET, usable: Flags | None = None) -> list[int]:
    everything = np.ones(len(quotes), dtype=bool) if usable is None else usable
    return np.flatnonzero(executable_arbitrage(as_arrays(quotes, market), everything)).tolist()


def moved(quotes: list[Quote], position: int, by: float) -> list[Quote]:
    quote = quotes[position]
    return [
        *quotes[:position],
        replace(quote, bid=quote.bid + by, ask=quote.ask + by),
        *quotes[position + 1 :],
    ]


CHAIN = chain(range(70, 135, 5))


def test_a_consistent_chain_has_none() -> None:
    assert violations(CHAIN, MARKET) == []
    assert flagged(CHAIN) == []
    assert flagged(CHAIN, replace(MARKET, american=False)) == []


ERRORS = [(position, by) for position in range(len(CHAIN)) for by in (4.0, -4.0) if CHAIN[position].bid + by > 0]


@pytest.mark.parametrize("american", [True, False])
@pytest.mark.parametrize(("position", "by"), [error for error in ERRORS if 4 <= error[0] < len(CHAIN) - 4])
def test_one_bad_quote_is_found_and_its_neighbours_are_not_blamed(position: int, by: float, american: bool) -> None:
    market = replace(MARKET, american=american)
    bad = moved(CHAIN, position, by)
    assert violations(bad, market) != []
    assert flagged(bad, market) == [position]


@pytest.mark.parametrize("american", [True, False])
@pytest.mark.parametrize(("position", "by"), [error for error in ERRORS if not 4 <= error[0] < len(CHAIN) - 4])
def test_at_the_ends_at_most_one_neighbour_shares_the_blame(position: int, by: float, american: bool) -> None:
    market = replace(MARKET, american=american)
    bad = moved(CHAIN, position, by)
    blamed = flagged(bad, market)
    assert len(blamed) <= 2
    assert (position in blamed) is (violations(bad, market) != [])


def test_two_bad_quotes() -> None:
    assert flagged(moved(moved(CHAIN, 6, 3.0), 21, -2.0)) == [6, 21]


def test_expirations_do_not_meet() -> None:
    cheap = chain(range(90, 115, 5))
    dear = [replace(quote, bid=quote.bid + 9, ask=quote.ask + 9) for quote in cheap if quote.side == "call"]
    cheap = [quote for quote in cheap if quote.side == "call"]
    arrays = as_arrays(cheap + dear, MARKET, [0] * len(cheap) + [1] * len(dear))
    assert not executable_arbitrage(arrays, np.ones(len(cheap) * 2, dtype=bool)).any()
    mixed = as_arrays(cheap + dear, MARKET, [0] * len(cheap) * 2)
    assert executable_arbitrage(mixed, np.ones(len(cheap) * 2, dtype=bool)).any()


def test_pair_that_contradicts_only_itself_is_flagged_whole() -> None:
    pair = [Quote(100.0, "call", 1.00, 1.10), Quote(105.0, "call", 1.20, 1.30)]
    assert flagged(pair, replace(MARKET, stock_bid=90.0, stock_ask=90.02)) == [0, 1]


def test_intrinsic_needs_an_american_option_and_a_quoted_stock() -> None:
    below = [Quote(90.0, "call", 9.80, 9.95)]
    assert flagged(below) == [0]
    assert flagged([replace(below[0], ask=9.99)]) == []
    assert flagged(below, replace(MARKET, american=False)) == []
    assert flagged(below, replace(MARKET, stock_bid=float("nan"), stock_ask=float("nan"))) == []
    assert flagged([Quote(110.0, "put", 9.80, 9.95)]) == [0]


def test_call_sold_above_stock_and_put() -> None:
    twins = [Quote(100.0, "call", 6.0, 6.1), Quote(100.0, "put", 3.0, 3.1)]
    assert flagged(twins) == [0, 1]
    assert flagged(twins, replace(MARKET, rate=0.20)) == []


def test_only_usable_two_sided_quotes_take_part() -> None:
    bad = moved(CHAIN, 6, 4.0)
    usable = np.ones(len(bad), dtype=bool)
    usable[6] = False
    assert flagged(bad, usable=usable) == []
    for bid, ask in ((0.0, 9.0), (float("nan"), 9.0), (9.0, float("nan")), (99.0, 9.0)):
        assert flagged([*CHAIN[:6], replace(CHAIN[6], bid=bid, ask=ask), *CHAIN[7:]]) == []


def test_noise_is_no_arbitrage() -> None:
    straight = [Quote(float(k), "put", 0.1 * k - 6.0, 0.1 * k - 6.0) for k in range(65, 100, 5)]
    assert flagged(straight) == []


def test_repeated_contract_does_not_divide_by_zero() -> None:
    assert flagged([*CHAIN, CHAIN[4]]) == []


def test_nothing_and_one() -> None:
    assert flagged([]) == []
    assert flagged(CHAIN[:1]) == []


PRICES = st.integers(1, 400).map(lambda cents: cents / 20)
QUOTES = st.lists(
    st.tuples(st.integers(1, 8), st.sampled_from(["call", "put"]), PRICES, st.integers(0, 60)),
    max_size=12,
    unique_by=lambda drawn: drawn[:2],
).map(lambda rows: [Quote(80.0 + 5 * k, side, bid, bid + wide / 20) for k, side, bid, wide in rows])


@given(QUOTES, st.booleans())
def test_what_is_left_is_free_of_arbitrage_and_only_parties_are_blamed(quotes: list[Quote], american: bool) -> None:
    market = replace(MARKET, american=american, rate=0.04)
    blamed = flagged(quotes, market)
    parties = frozenset().union(*violations(quotes, market))
    assert parties.issuperset(blamed)
    rest = [quote for position, quote in enumerate(quotes) if position not in blamed]
    assert violations(rest, market) == []
