"""The simulated market as a whole: determinism, sessions, ticks, volumes, and no arbitrage at bids and asks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from scanner.calendar import MarketCalendar, market_date, target_expirations
from scanner.errors import InputError, NoOptionsError, SymbolNotFoundError
from scanner.model import DEFAULT_TARGET_DTES, ChainSnapshot, EarningsState
from scanner.sources.simulated import SimulatedSource
from scanner.sources.simulated.surface import RATE
from scanner.symbols import DEFAULT_UNIVERSE
from tests.unit.scanner.sources.simulated.arbitrage import findings

OPEN = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
NOON = datetime(2026, 11, 20, 17, 3, 11, 123456, tzinfo=UTC)
CLOSE = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
SUNDAY = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
HALF_DAY = datetime(2026, 11, 27, 17, 0, tzinfo=UTC)
HALF_DAY_CLOSE = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)


def everything(listed: Sequence[date]) -> Sequence[date]:
    return listed


def targets(listed: Sequence[date]) -> Sequence[date]:
    return list(target_expirations(listed, today=market_date(NOON), targets=DEFAULT_TARGET_DTES))


def chain(calendar: MarketCalendar, symbol: str, now: datetime, *, seed: int = 1, plant: bool = False) -> ChainSnapshot:
    return SimulatedSource(seed, lambda: now, calendar, plant=plant).chain(symbol, everything)


def same(one: ChainSnapshot, other: ChainSnapshot) -> bool:
    heads = [(a.underlying, a.listed_expirations, a.answer_time, a.fetched_at) for a in (one, other)]
    pd.testing.assert_frame_equal(one.contracts, other.contracts)
    return heads[0] == heads[1]


def test_the_same_seed_and_instant_give_the_same_chain(calendar: MarketCalendar) -> None:
    assert same(chain(calendar, "AAPL", NOON), chain(calendar, "AAPL", NOON))


def test_the_order_of_calls_and_the_threads_do_not_matter(calendar: MarketCalendar) -> None:
    symbols = ["AAPL", "SPY", "ABCD", "AAPL", "KO"] * 4
    expected = {symbol: chain(calendar, symbol, NOON) for symbol in symbols}
    now = OPEN
    source = SimulatedSource(1, lambda: now, calendar, plant=False)
    source.chain("KO", everything)
    now = NOON
    with ThreadPoolExecutor(4) as pool:
        for symbol, answer in zip(symbols, pool.map(lambda one: source.chain(one, everything), symbols), strict=True):
            assert same(answer, expected[symbol])


def test_another_process_gives_the_same_chain(calendar: MarketCalendar) -> None:
    program = f"""
from datetime import datetime
from scanner.calendar import MarketCalendar
from scanner.sources.simulated import SimulatedSource
now = datetime.fromisoformat({NOON.isoformat()!r})
source = SimulatedSource(1, lambda: now, MarketCalendar.around(now), plant=False)
print(source.chain("AAPL", lambda listed: listed).contracts.to_csv())
"""
    environment = {"PYTHONHASHSEED": "77", "PYTHONPATH": ":".join(sys.path), "TZ": "Asia/Tokyo"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == chain(calendar, "AAPL", NOON).contracts.to_csv().strip()


def test_a_calendar_of_another_range_gives_the_same_chain(calendar: MarketCalendar) -> None:
    other = MarketCalendar(date(2026, 6, 1), date(2029, 6, 30))
    assert same(chain(calendar, "AAPL", NOON), chain(other, "AAPL", NOON))


def test_another_seed_is_another_market(calendar: MarketCalendar) -> None:
    assert chain(calendar, "AAPL", NOON).underlying != chain(calendar, "AAPL", NOON, seed=2).underlying


def test_the_quote_of_a_contract_does_not_depend_on_what_else_was_chosen(calendar: MarketCalendar) -> None:
    source = SimulatedSource(1, lambda: NOON, calendar)
    whole = source.chain("SNOW", everything).contracts
    for position in (0, 3, 7):
        alone = source.chain("SNOW", lambda listed, at=position: [listed[at]]).contracts  # type: ignore[misc]
        expected = whole[whole["expiration"] == alone["expiration"].iloc[0]].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, expected)


@pytest.mark.parametrize("now", [OPEN, OPEN + timedelta(seconds=5), NOON, CLOSE - timedelta(seconds=1)])
def test_quotes_in_session_are_seconds_old(calendar: MarketCalendar, now: datetime) -> None:
    answer = chain(calendar, "AAPL", now)
    ages = (pd.Timestamp(now) - answer.contracts["quote_time"]).dt.total_seconds()
    assert ages.min() >= 0.0
    assert ages.max() <= 50.0
    assert (answer.contracts["quote_time"] >= OPEN).all()
    assert answer.underlying.quote_time == answer.answer_time == now


def test_a_closed_market_shows_its_closing_quotes(calendar: MarketCalendar) -> None:
    answers = [chain(calendar, "AAPL", now) for now in (CLOSE, SUNDAY)]
    for answer, now in zip(answers, (CLOSE, SUNDAY), strict=True):
        assert (answer.contracts["quote_time"] == pd.Timestamp(CLOSE)).all()
        assert answer.underlying.quote_time == answer.answer_time == CLOSE
        assert answer.fetched_at == now
    pd.testing.assert_frame_equal(answers[0].contracts, answers[1].contracts)


def test_before_the_open_the_last_session_counts(calendar: MarketCalendar) -> None:
    answer = chain(calendar, "AAPL", datetime(2026, 11, 20, 14, 29, tzinfo=UTC))
    assert answer.answer_time == datetime(2026, 11, 19, 21, 0, tzinfo=UTC)
    assert answer.listed_expirations[0] == date(2026, 11, 20)


def test_a_half_day_closes_at_one(calendar: MarketCalendar) -> None:
    assert chain(calendar, "AAPL", HALF_DAY).answer_time == HALF_DAY
    closed = chain(calendar, "AAPL", HALF_DAY + timedelta(hours=2))
    assert closed.answer_time == HALF_DAY_CLOSE
    volume = [chain(calendar, "SPY", now).contracts["volume"].sum() for now in (HALF_DAY, HALF_DAY_CLOSE)]
    assert volume[0] < volume[1]


def test_an_expiration_leaves_the_list_when_it_has_expired(calendar: MarketCalendar) -> None:
    friday = date(2026, 11, 20)
    assert chain(calendar, "ABCD", CLOSE - timedelta(seconds=1)).listed_expirations[0] == friday
    assert chain(calendar, "ABCD", CLOSE).listed_expirations[0] == date(2026, 11, 27)


def test_the_last_second_of_an_expiration_day_is_priced(calendar: MarketCalendar) -> None:
    contracts = chain(calendar, "SPY", CLOSE - timedelta(seconds=1)).contracts
    today = contracts[contracts["expiration"] == pd.Timestamp(2026, 11, 20)]
    assert (today["ask"] > 0).all()
    assert today["bid"].notna().all()


def test_a_second_later_quotes_move_by_ticks(calendar: MarketCalendar) -> None:
    before, after = (chain(calendar, "KO", NOON + timedelta(seconds=ahead)).contracts for ahead in (0, 1))
    assert (before["bid"] - after["bid"]).abs().max() <= 0.05 + 1e-9
    assert (before["ask"] - after["ask"]).abs().max() <= 0.05 + 1e-9


def test_volume_grows_over_the_session_and_open_interest_stays(calendar: MarketCalendar) -> None:
    instants = [OPEN, OPEN + timedelta(minutes=30), NOON, CLOSE - timedelta(minutes=1), CLOSE]
    frames = [chain(calendar, "AAPL", now).contracts.set_index("occ_symbol") for now in instants]
    kept = frames[-1].index
    volumes = np.array([frame.loc[kept, "volume"] for frame in frames])
    assert (volumes[0] == 0).all()
    assert (np.diff(volumes, axis=0) >= 0).all()
    assert volumes[-1].sum() > 10_000
    for frame in frames:
        pd.testing.assert_series_equal(frame.loc[kept, "open_interest"], frames[0].loc[kept, "open_interest"])
    monday = chain(calendar, "AAPL", NOON + timedelta(days=3)).contracts.set_index("occ_symbol")
    common = kept.intersection(monday.index)
    assert (monday.loc[common, "open_interest"] != frames[0].loc[common, "open_interest"]).mean() > 0.8


def test_prices_stand_on_their_ticks(calendar: MarketCalendar) -> None:
    def cents(symbol: str, least: float, most: float) -> set[int]:
        contracts = chain(calendar, symbol, NOON).contracts
        prices = pd.concat([contracts["bid"], contracts["ask"]])
        return {round(price * 100) % 10 for price in prices[(prices >= least) & (prices < most)]}

    assert cents("SPY", 3.0, 1e4) == set(range(10))
    assert cents("CVX", 3.0, 1e4) == {0, 5}
    assert cents("CVX", 0.0, 3.0) == set(range(10))
    assert cents("ABCD", 3.0, 1e4) == {0}
    assert cents("ABCD", 0.0, 3.0) == {0, 5}


def test_far_out_of_the_money_the_bid_is_zero(calendar: MarketCalendar) -> None:
    contracts = chain(calendar, "ABCD", NOON).contracts
    assert ((contracts["bid"] == 0.0) & (contracts["ask"] > 0.0)).any()


@pytest.mark.parametrize("symbol", ["SPY", "AAPL", "COIN", "CVX", "ABCD", "QWER"])
@pytest.mark.parametrize("now", [OPEN, NOON, SUNDAY, datetime(2027, 2, 3, 20, 59, tzinfo=UTC)])
def test_nothing_can_be_locked_in_at_bids_and_asks(calendar: MarketCalendar, symbol: str, now: datetime) -> None:
    answer = chain(calendar, symbol, now)
    stock = answer.underlying
    assert stock.bid is not None
    assert stock.ask is not None
    assert answer.answer_time is not None
    for expiration, contracts in answer.contracts.groupby("expiration"):
        day = pd.Timestamp(str(expiration)).date()
        years = (calendar.expiry_instant("AAPL", day) - answer.answer_time).total_seconds() / 31_536_000
        assert findings(contracts, stock_bid=stock.bid, stock_ask=stock.ask, years=years, rate=RATE) == [], day


@pytest.mark.parametrize("symbol", ["SPY", "AAPL", "CVX", "ABCD"])
def test_no_calendar_can_be_locked_in(calendar: MarketCalendar, symbol: str) -> None:
    for _, same_strike in chain(calendar, symbol, NOON).contracts.groupby(["option_type", "strike"]):
        cheapest_later = same_strike["ask"].iloc[::-1].cummin().iloc[::-1].shift(-1)
        assert not (same_strike["bid"] > cheapest_later + 1e-9).any()


def test_the_default_targets_bring_about_a_hundred_contracts(calendar: MarketCalendar) -> None:
    source = SimulatedSource(1, lambda: NOON, calendar)
    counts = [len(source.chain(f"T{n}", targets).contracts) for n in range(50)]
    assert set(counts) == {108}


def test_every_default_symbol_has_a_chain_and_facts(calendar: MarketCalendar) -> None:
    source = SimulatedSource(1, lambda: NOON, calendar)
    for symbol in DEFAULT_UNIVERSE:
        assert len(source.chain(symbol, targets).contracts) >= 6 * 2 * 21
        assert source.reference(symbol).name


def test_the_chain_and_the_facts_agree_on_the_price(calendar: MarketCalendar) -> None:
    source = SimulatedSource(1, lambda: NOON, calendar)
    assert source.reference("AAPL").last_price == source.chain("AAPL", everything).underlying.last


def test_earnings_are_confirmed_when_near_estimated_when_far_and_unknown_for_some(calendar: MarketCalendar) -> None:
    states = set()
    for days in range(0, 84, 12):
        now = NOON + timedelta(days=days)
        source = SimulatedSource(1, lambda at=now: at, calendar)  # type: ignore[misc]
        for symbol in DEFAULT_UNIVERSE:
            facts = source.reference(symbol)
            states.add(facts.earnings_state)
            if facts.next_earnings is not None:
                away = (facts.next_earnings - market_date(now)).days
                assert -3 <= away < 190
                assert (away <= 21) == (facts.earnings_state is EarningsState.CONFIRMED)
    assert states == set(EarningsState)


def test_ex_dividend_dates_are_coming_sessions(calendar: MarketCalendar) -> None:
    source = SimulatedSource(1, lambda: NOON, calendar)
    paying = [source.reference(symbol) for symbol in DEFAULT_UNIVERSE]
    for facts in paying:
        assert (facts.ex_dividend_date is None) == (facts.dividend_yield_pct == 0)
        if facts.ex_dividend_date is not None:
            assert calendar.is_session(facts.ex_dividend_date)
            assert market_date(NOON) < facts.ex_dividend_date
            assert facts.dividend_amount is not None
            assert facts.dividend_amount > 0


def test_errors(calendar: MarketCalendar) -> None:
    source = SimulatedSource(1, lambda: NOON, calendar)
    for unknown in ("ZZTOP", "SPX", "VIX", "aapl", "BRK-B", ""):
        with pytest.raises(SymbolNotFoundError):
            source.chain(unknown, everything)
        with pytest.raises(SymbolNotFoundError):
            source.reference(unknown)
    with pytest.raises(NoOptionsError, match="no options are listed"):
        source.chain("ZXA", everything)
    assert source.reference("ZXA").last_price
    with pytest.raises(InputError, match="no listed expirations"):
        source.chain("AAPL", lambda listed: [date(2026, 11, 26)])
    with pytest.raises(InputError, match="time zone"):
        SimulatedSource(1, lambda: NOON.replace(tzinfo=None), calendar).chain("AAPL", everything)
