from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Dividend
from scanner.pricing.arrays import Floats
from scanner.pricing.forward import carried_forward, nearest_pairs, parity_forwards
from scanner.pricing.quotes import pair
from scanner.pricing.rates import RateCurve

STRIKES = [80.0, 90.0, 95.0, 100.0, 105.0, 110.0, 120.0]
GROWTH = 1.02


def forwards(
    implied: dict[int, dict[float, float]], *, unclean: tuple[float, ...] = (), groups: int | None = None
) -> Floats:
    """Forwards of groups in which the pair at each strike implies the given forward (puts cost 5)."""
    rows = [
        (group, strike, is_call, 5.0 + (ahead - strike) / GROWTH if is_call else 5.0)
        for group, pairs in implied.items()
        for strike, ahead in pairs.items()
        for is_call in (True, False)
    ]
    group = np.array([row[0] for row in rows], dtype=np.intp)
    strike, is_call = np.array([row[1] for row in rows], dtype=float), np.array([row[2] for row in rows], dtype=bool)
    clean = ~(np.isin(strike, unclean) & is_call)
    return parity_forwards(
        pairs=pair(group, strike, is_call),
        group=group,
        group_count=len(implied) if groups is None else groups,
        strike=strike,
        mid=np.array([row[3] for row in rows], dtype=float),
        clean=clean,
        growth=np.full(len(rows), GROWTH),
    )


class TestParity:
    def test_median_of_the_three_strikes_nearest_the_forward(self) -> None:
        implied = dict(zip(STRIKES, [140.0, 101.0, 101.1, 100.9, 101.4, 101.2, 60.0], strict=True))
        assert forwards({0: implied}).tolist() == pytest.approx([101.1])

    def test_one_absurd_quote_among_them_does_no_harm(self) -> None:
        implied = {**dict.fromkeys(STRIKES, 101.0), 100.0: 150.0}
        assert forwards({0: implied}).tolist() == pytest.approx([101.0])

    def test_unclean_quotes_are_left_out(self) -> None:
        implied = {**dict.fromkeys(STRIKES, 101.0), 100.0: 150.0, 105.0: 150.0}
        assert forwards({0: implied}, unclean=(100.0, 105.0)).tolist() == pytest.approx([101.0])

    def test_two_strikes_give_their_mean_and_one_itself(self) -> None:
        assert forwards({0: {100.0: 101.0, 105.0: 102.0}}).tolist() == pytest.approx([101.5])
        assert forwards({0: {100.0: 101.0, 105.0: 102.0}}, unclean=(105.0,)).tolist() == pytest.approx([101.0])

    def test_no_clean_pair_gives_none(self) -> None:
        assert np.isnan(forwards({0: {100.0: 101.0}}, unclean=(100.0,))).tolist() == [True]
        assert np.isnan(forwards({}, groups=2)).tolist() == [True, True]

    def test_groups_do_not_mix(self) -> None:
        found = forwards({2: dict.fromkeys(STRIKES, 103.0), 0: dict.fromkeys(STRIKES[:2], 101.0)}, groups=4)
        np.testing.assert_allclose(found, [101.0, np.nan, 103.0, np.nan])

    @given(st.lists(st.floats(50, 150), min_size=1, max_size=12, unique=True), st.floats(90, 110), st.data())
    def test_against_the_plain_definition(self, strikes: list[float], center: float, data: Any) -> None:
        """Noise far smaller than the distance between strikes, so that "nearest" is not a matter of iteration."""
        spacing = [round(strike, 2) for strike in strikes]
        noise = data.draw(st.lists(st.floats(-1e-4, 1e-4), min_size=len(spacing), max_size=len(spacing)))
        implied = {strike: center + error for strike, error in zip(spacing, noise, strict=True)}
        nearest = sorted(implied, key=lambda strike: abs(strike - center))
        expected = float(np.median([implied[strike] for strike in nearest[:3]]))
        assert forwards({0: implied}).tolist() == pytest.approx([expected], abs=2e-4)


class TestCarry:
    ASKED: dict[str, Any] = {  # noqa: RUF012
        "spot": 100.0,
        "years": 0.5,
        "rates": RateCurve((0.0, 1.0), (0.0, 0.05)),
        "quote_day": date(2025, 6, 2),
        "expiration": date(2025, 12, 1),
    }

    def test_without_dividends_spot_grows_at_the_rate(self) -> None:
        assert carried_forward(**self.ASKED, dividends=()) == pytest.approx(100 * np.exp(0.025 * 0.5), rel=1e-15)

    def test_each_dividend_is_discounted_at_its_own_rate(self) -> None:
        """73 days are 0.2 years, where the curve stands at 1 %; 146 days 0.4 years at 2 %."""
        dividends = [Dividend(date(2025, 8, 14), 1.0), Dividend(date(2025, 10, 26), 2.0)]
        left = 100 - 1.0 * np.exp(-0.01 * 0.2) - 2.0 * np.exp(-0.02 * 0.4)
        assert carried_forward(**self.ASKED, dividends=dividends) == pytest.approx(left * np.exp(0.0125), rel=1e-15)

    @pytest.mark.parametrize(
        ("ex_date", "counts"),
        [
            (date(2025, 6, 1), False),
            (date(2025, 6, 2), False),
            (date(2025, 6, 3), True),
            (date(2025, 12, 1), True),
            (date(2025, 12, 2), False),
        ],
    )
    def test_dividends_count_after_the_quote_and_until_the_expiration(self, ex_date: date, counts: bool) -> None:
        without = carried_forward(**self.ASKED, dividends=())
        assert (carried_forward(**self.ASKED, dividends=[Dividend(ex_date, 1.0)]) < without) == counts

    def test_dividends_above_the_spot_leave_no_forward(self) -> None:
        assert np.isnan(carried_forward(**self.ASKED, dividends=[Dividend(date(2025, 8, 14), 101.0)]))


def test_nearest_pairs_prefers_the_earlier_on_a_tie_and_marks_what_is_missing() -> None:
    group = np.array([0, 0, 0, 2], dtype=np.intp)
    found = nearest_pairs(group, np.array([5.0, 1.0, 1.0, 7.0]), 3, 2)
    assert found.tolist() == [[1, 2], [-1, -1], [3, -1]]
