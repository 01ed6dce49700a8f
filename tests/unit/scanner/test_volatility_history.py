from __future__ import annotations

from datetime import date, timedelta
from math import exp, inf, nan, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.errors import InputError
from scanner.volatility_history import (
    NOT_BRACKETED,
    AtmVolatility,
    Iv30,
    VolatilityPlace,
    iv30,
    place,
    realised_volatility,
)

TODAY = date(2026, 11, 20)


def at(days: float, volatility: float) -> AtmVolatility:
    return AtmVolatility(TODAY + timedelta(days=int(days)), days / 365, volatility)


def test_total_variance_is_linear_by_hand() -> None:
    """20 days at 40 % and 50 days at 30 %: variance days 0.16 x 20 = 3.2 and 0.09 x 50 = 4.5, a third of the way."""
    found = iv30([at(7, 0.9), at(20, 0.4), at(50, 0.3), at(80, 0.1)])
    assert found.value == pytest.approx(sqrt((3.2 + 1.3 / 3) / 30), rel=1e-12)
    assert (found.near, found.far) == (TODAY + timedelta(days=20), TODAY + timedelta(days=50))


def test_an_expiration_in_thirty_days_is_the_answer() -> None:
    assert iv30([at(30, 0.25), at(60, 0.9)]).value == pytest.approx(0.25, rel=1e-12)


@pytest.mark.parametrize("points", [[], [at(29, 0.3)], [at(31, 0.3), at(60, 0.3)]])
def test_nothing_is_extrapolated(points: list[AtmVolatility]) -> None:
    assert iv30(points) == Iv30(None, reason=NOT_BRACKETED)


@given(st.lists(st.tuples(st.floats(0.1, 400), st.floats(0.01, 5)), min_size=1, max_size=9))
def test_it_lies_between_what_the_neighbours_allow(points: list[tuple[float, float]]) -> None:
    found = iv30([at(days, volatility) for days, volatility in points])
    if found.value is not None:
        variances = [days * volatility**2 for days, volatility in points]
        assert min(variances) * (1 - 1e-9) <= found.value**2 * 30 <= max(variances) * (1 + 1e-9)


@pytest.mark.parametrize("point", [at(30, 0.0), at(30, -0.2), at(30, nan), at(30, inf), at(0, 0.3), at(-1, 0.3)])
def test_what_is_no_volatility_is_refused(point: AtmVolatility) -> None:
    with pytest.raises(InputError):
        iv30([point])


def test_until_a_year_is_kept_there_is_no_rank() -> None:
    assert place([]) == VolatilityPlace(None, 0)
    assert place([0.3] * 251) == VolatilityPlace(0.3, 251)
    assert place([0.2] * 251 + [None] * 20 + [0.3]).rank == 100.0
    assert place([0.2] * 252 + [None]) == VolatilityPlace(None, 252)


def test_rank_and_percentile_by_hand() -> None:
    """251 sessions from 10 to 60 in steps of 0.2, then 35: half of the range, 125 of 251 are lower."""
    found = place([(10 + step / 5) / 100 for step in range(251)] + [0.35])
    assert found.rank == pytest.approx(50.0)
    assert found.percentile == pytest.approx(100 * 125 / 251)
    assert found.sessions == 252


def test_older_sessions_do_not_count() -> None:
    assert place([9.9, *[0.2] * 251, 0.4]).rank == 100.0


def test_a_volatility_that_never_moved_has_no_rank() -> None:
    found = place([0.3] * 252)
    assert (found.rank, found.percentile) == (None, 0.0)


def test_realised_volatility_by_hand() -> None:
    """Log returns of +1 %, -1 %, +1 %, -1 %: mean 0, sample deviation sqrt(4 x 1e-4 / 3)."""
    closes = [100.0]
    for move in (0.01, -0.01, 0.01, -0.01):
        closes.append(closes[-1] * exp(move))
    assert realised_volatility(closes, 4) == pytest.approx(sqrt(4e-4 / 3 * 252), rel=1e-12)
    assert realised_volatility([7.0, *closes], 4) == realised_volatility(closes, 4)
    assert realised_volatility(closes, 5) is None


def test_a_steady_stock_has_no_volatility() -> None:
    assert realised_volatility([100.0 * 1.01**n for n in range(21)], 20) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("closes", "days"), [([1.0, 0.0, 1.0], 2), ([1.0, -1.0], 2), ([1.0, nan], 2), ([1.0], 1)])
def test_what_is_no_series_of_closes_is_refused(closes: list[float], days: int) -> None:
    with pytest.raises(InputError):
        realised_volatility(closes, days)
