"""The fair values admit no static arbitrage, whatever the parameters inside the documented bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.sources.simulated.hashing import Floats
from scanner.sources.simulated.surface import RATE, Slices, TermStructure, fair_values, total_variance

SPOT = 100.0
STRIKES = np.linspace(40.0, 190.0, 76)
YEARS = np.array([0.001, 0.02, 0.04, 0.06, 0.1, 0.16, 0.25])


@st.composite
def term_structures(draw: st.DrawFn) -> TermStructure:
    rho = draw(st.floats(-0.9, 0.6))
    events = sorted(draw(st.lists(st.floats(0.001, 0.25), max_size=2)))
    return TermStructure(
        short=draw(st.floats(0.08, 1.5)),
        long=draw(st.floats(0.08, 1.2)),
        rho=rho,
        eta=draw(st.floats(0.2, 1.0)) * 2.0 / (1.0 + abs(rho)),
        event_years=np.array(events),
        event_variance=np.full(len(events), draw(st.floats(0.0, 0.04))),
    )


def priced(
    terms: TermStructure, *, is_call: bool, ex_dates: tuple[float, ...] = (), dividend: float = 0.0
) -> tuple[Floats, Floats]:
    """Fair values and volatilities, one row per expiration."""
    shape = (len(YEARS), len(STRIKES))
    contracts = Slices(
        strike=np.tile(STRIKES, len(YEARS)),
        is_call=np.full(shape[0] * shape[1], is_call),
        slice_of=np.repeat(np.arange(len(YEARS)), len(STRIKES)),
    )
    values, volatilities = fair_values(
        contracts,
        spot=SPOT,
        years=YEARS,
        terms=terms,
        ex_dividend_years=np.array(ex_dates, dtype=np.float64),
        dividend=dividend,
    )
    return values.reshape(shape), volatilities.reshape(shape)


@given(term_structures(), st.booleans(), st.sampled_from([(), (0.05,), (0.03, 0.2)]), st.floats(0.1, 2.0))
@settings(deadline=None)
def test_no_arbitrage_across_strikes(
    terms: TermStructure, is_call: bool, ex_dates: tuple[float, ...], dividend: float
) -> None:
    values, _ = priced(terms, is_call=is_call, ex_dates=ex_dates, dividend=dividend)
    slopes = np.diff(values, axis=1) / np.diff(STRIKES)
    low, high = (-1.0, 0.0) if is_call else (0.0, 1.0)
    assert slopes.min() >= low - 1e-10
    assert slopes.max() <= high + 1e-10
    assert np.diff(slopes, axis=1).min() >= -1e-10
    intrinsic = np.maximum(0.0, SPOT - STRIKES if is_call else STRIKES - SPOT)
    assert (values >= intrinsic).all()
    assert (values <= (SPOT if is_call else STRIKES)).all()


@given(term_structures(), st.booleans(), st.sampled_from([(), (0.05,), (0.03, 0.2)]), st.floats(0.1, 2.0))
@settings(deadline=None)
def test_no_calendar_arbitrage(
    terms: TermStructure, is_call: bool, ex_dates: tuple[float, ...], dividend: float
) -> None:
    values, _ = priced(terms, is_call=is_call, ex_dates=ex_dates, dividend=dividend)
    growth = np.diff(values, axis=0)
    # A put that waits loses at most the interest on its strike, where exercise in between is not considered.
    interest = -np.diff(np.exp(-RATE * YEARS))[:, None] * STRIKES
    assert (growth >= -1e-10 - (0.0 if is_call else interest)).all()


@given(term_structures())
@settings(deadline=None)
def test_total_variance_grows_with_time_at_every_forward_moneyness(terms: TermStructure) -> None:
    moneyness = np.linspace(-1.5, 1.5, 61)
    slices = [total_variance(moneyness, theta, terms.rho, terms.eta) for theta in terms.theta(YEARS)]
    assert (np.diff(slices, axis=0) > 0.0).all()


@given(term_structures())
@settings(deadline=None)
def test_the_density_is_positive(terms: TermStructure) -> None:
    """Gatheral and Jacquier (2014), equation 2.1, with derivatives by finite differences."""
    for theta in terms.theta(YEARS):
        unit = np.sqrt(theta)
        step = 1e-3 * unit
        moneyness = np.linspace(-6.0, 6.0, 241) * unit
        low, mid, high = (total_variance(moneyness + shift, theta, terms.rho, terms.eta) for shift in (-step, 0, step))
        slope, bend = (high - low) / (2.0 * step), (high - 2.0 * mid + low) / step**2
        g = (1.0 - moneyness * slope / (2.0 * mid)) ** 2 - slope**2 / 4.0 * (1.0 / mid + 0.25) + bend / 2.0
        assert g.min() > -1e-4


def test_at_the_forward_the_volatility_is_the_term_structure() -> None:
    terms = TermStructure(0.3, 0.2, -0.4, 0.7, np.array([0.05]), np.array([0.01]))
    forward = np.array([SPOT * np.exp(RATE * 0.1)])
    contracts = Slices(forward, np.array([True]), np.array([0]))
    _, volatility = fair_values(
        contracts, spot=SPOT, years=np.array([0.1]), terms=terms, ex_dividend_years=np.empty(0), dividend=0.0
    )
    # By hand: 0.04 * 0.1 + (0.09 - 0.04) * (1 - exp(-0.3)) / 3 + 0.01
    expected = 0.004 + 0.05 * (1.0 - np.exp(-0.3)) / 3.0 + 0.01
    assert volatility[0] == pytest.approx(np.sqrt(expected / 0.1), rel=1e-12)


def test_parity_holds_without_dividends_where_nothing_is_exercised() -> None:
    terms = TermStructure(0.3, 0.3, -0.4, 0.7, np.empty(0), np.empty(0))
    calls, _ = priced(terms, is_call=True)
    puts, _ = priced(terms, is_call=False)
    held = puts > np.maximum(0.0, STRIKES - SPOT)
    gap = calls - puts - (SPOT - STRIKES * np.exp(-RATE * YEARS)[:, None])
    assert held.mean() > 0.4
    assert np.abs(gap[held]).max() < 1e-10


def test_an_earnings_day_lifts_only_what_expires_after_it() -> None:
    flat = TermStructure(0.3, 0.3, -0.4, 0.7, np.empty(0), np.empty(0))
    event = TermStructure(0.3, 0.3, -0.4, 0.7, np.array([0.05]), np.array([0.0025]))
    lift = event.theta(YEARS) - flat.theta(YEARS)
    assert lift == pytest.approx(np.where(YEARS > 0.05, 0.0025, 0.0), abs=1e-15)


def test_a_call_is_worth_exercising_before_a_large_dividend() -> None:
    """Just before the ex-date a deep call is worth its intrinsic value, not the value after the dividend."""
    terms = TermStructure(0.2, 0.2, 0.0, 0.2, np.empty(0), np.empty(0))
    values, _ = priced(terms, is_call=True, ex_dates=(0.0005,), dividend=5.0)
    deep = STRIKES <= 60.0
    assert (values[0, deep] >= SPOT - STRIKES[deep]).all()
    assert values[0, deep] == pytest.approx(SPOT - STRIKES[deep] * np.exp(-RATE * 0.0005), abs=1e-9)
