"""Listed expirations against published calendars; strikes on customary grids."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.calendar import MarketCalendar
from scanner.sources.simulated.companies import Listing
from scanner.sources.simulated.listing import expirations, strikes


def test_weeklies_and_monthlies_of_a_small_name(calendar: MarketCalendar) -> None:
    """Christmas 2026 is a Friday, New Year's Day 2027 too: those weeks end on a Thursday."""
    assert expirations(calendar, Listing.SMALL, date(2026, 11, 18)) == (
        date(2026, 11, 20),
        date(2026, 11, 27),
        date(2026, 12, 4),
        date(2026, 12, 11),
        date(2026, 12, 18),
        date(2026, 12, 24),
        date(2026, 12, 31),
        date(2027, 1, 8),
        date(2027, 1, 15),
    )


def test_a_monthly_on_a_holiday_friday_moves_to_thursday(calendar: MarketCalendar) -> None:
    """Juneteenth 2026 is the third Friday of June; Good Friday 2027 is 26 March."""
    june = expirations(calendar, Listing.LARGE, date(2026, 5, 4))
    assert date(2026, 6, 18) in june
    assert date(2026, 6, 19) not in june
    march = expirations(calendar, Listing.SMALL, date(2027, 3, 1))
    assert date(2027, 3, 25) in march
    assert date(2027, 3, 26) not in march


def test_large_names_have_quarterlies_and_leaps(calendar: MarketCalendar) -> None:
    listed = expirations(calendar, Listing.LARGE, date(2026, 11, 18))
    assert {date(2027, 3, 19), date(2027, 6, 17), date(2027, 9, 17), date(2028, 1, 21)} <= set(listed)


def test_wide_names_expire_every_session_of_the_next_two_weeks(calendar: MarketCalendar) -> None:
    listed = expirations(calendar, Listing.WIDE, date(2026, 11, 18))
    november = [date(2026, 11, day) for day in (18, 19, 20, 23, 24, 25, 27, 30)]
    assert listed[:9] == (*november, date(2026, 12, 1))


def test_the_day_itself_is_listed(calendar: MarketCalendar) -> None:
    assert expirations(calendar, Listing.SMALL, date(2026, 11, 20))[0] == date(2026, 11, 20)


@given(st.sampled_from(list(Listing)), st.floats(2.0, 2_000.0), st.floats(0.005, 1.5))
def test_strikes_ascend_on_a_customary_grid_around_the_price(listing: Listing, price: float, deviation: float) -> None:
    ladder = strikes(listing, price, deviation)
    assert (np.diff(ladder) > 0).all()
    assert ladder[0] > 0
    assert ladder[0] <= price <= ladder[-1]
    spacing = np.diff(ladder).min()
    assert spacing in (0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0)
    assert (ladder % spacing == 0).all()


@pytest.mark.parametrize(("listing", "count"), [(Listing.SMALL, 9), (Listing.LARGE, 21), (Listing.WIDE, 31)])
def test_how_many_strikes(listing: Listing, count: int) -> None:
    assert len(strikes(listing, 150.0, 0.08)) == count
