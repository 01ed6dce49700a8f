"""Prices: a path that is continuous in session, the same for every way of asking, and stays near its level."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from scanner.calendar import MarketCalendar
from scanner.sources.simulated import market
from scanner.sources.simulated.companies import company
from scanner.sources.simulated.hashing import normals, stream, uniforms

DAY = date(2026, 11, 20)


def test_a_draw_depends_on_its_name_and_index_only() -> None:
    key = stream(1, "AAPL", "day")
    many = uniforms(key, np.arange(1000))
    assert uniforms(key, np.array([617]))[0] == many[617]
    assert key == stream(1, "AAPL", "day") != stream(1, "AAPL", "days")
    assert len(set(many)) == 1000
    assert ((many > 0.0) & (many < 1.0)).all()


def test_the_generator_is_splitmix64() -> None:
    """First outputs of SplitMix64 seeded with 1234567, from its reference implementation (prng.di.unimi.it)."""
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert uniforms(1234567, np.arange(4)) == pytest.approx([value / 2.0**64 for value in expected], abs=1e-15)


def test_normals_have_the_moments_of_a_normal() -> None:
    draws = normals(stream("moments"), np.arange(100_000))
    assert abs(draws.mean()) < 0.015
    assert draws.std() == pytest.approx(1.0, abs=0.015)
    assert abs(np.corrcoef(draws[1:], draws[:-1])[0, 1]) < 0.015


@pytest.mark.parametrize("symbol", ["SPY", "COIN", "KO", "ABCD"])
def test_a_second_later_the_price_is_ticks_away(symbol: str) -> None:
    path = market.session_path(1, company(symbol), DAY, DAY - timedelta(days=1))
    prices = np.array([path.price_at(second / 23_400) for second in range(0, 23_401)])
    assert np.abs(np.diff(prices)).max() < 0.0101 + 5e-5 * prices[0]
    assert len(np.unique(prices)) > 20


def test_one_session_opens_with_a_gap_from_the_close_before(calendar: MarketCalendar) -> None:
    previous = calendar.previous_session(DAY)
    before = market.session_path(1, company("AAPL"), previous, calendar.previous_session(previous))
    today = market.session_path(1, company("AAPL"), DAY, previous)
    assert today.previous_close == pytest.approx(before.close, rel=1e-12)
    assert before.price_at(1.0) == round(before.close, 2)
    assert today.price_at(0.0) == round(today.open, 2) != before.price_at(1.0)


def test_the_price_of_a_day_follows_from_the_days_before_it_alone() -> None:
    """The path of a session and the list of closes agree, whatever their starts."""
    last = market.weekday_number(DAY)
    closes = market.closes(1, company("AAPL"), last, 10)
    assert closes[-3:] == pytest.approx(market.closes(1, company("AAPL"), last, 3), rel=1e-12)
    assert closes[-1] == pytest.approx(
        market.session_path(1, company("AAPL"), DAY, DAY - timedelta(1)).close, rel=1e-12
    )


@pytest.mark.parametrize(("symbol", "volatility"), [("SPY", 0.145), ("AAPL", 0.26), ("TSLA", 0.58)])
def test_daily_moves_have_the_companys_volatility(symbol: str, volatility: float) -> None:
    closes = market.closes(3, company(symbol), market.weekday_number(DAY), 2_000)
    moves = np.diff(np.log(closes))
    assert moves.std() * np.sqrt(252) == pytest.approx(volatility, rel=0.1)
    assert 0.4 < closes.min() / company(symbol).price < closes.max() / company(symbol).price < 3.5


def test_stocks_move_with_the_market() -> None:
    last = market.weekday_number(DAY)
    spy, apple = (np.diff(np.log(market.closes(3, company(one), last, 1_000))) for one in ("SPY", "AAPL"))
    assert 0.3 < np.corrcoef(spy, apple)[0, 1] < 0.8


def test_weekday_numbers_count_weekdays() -> None:
    friday, saturday, monday = date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 23)
    assert market.weekday_number(saturday) == market.weekday_number(friday) == market.weekday_number(monday) - 1
