from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from scanner.pricing.quotes import instant64, pair, read_quotes, years_between
from tests.unit.scanner.pricing.chains import quotes, snapshot


@pytest.mark.parametrize(
    ("bid", "ask", "two_sided", "clean"),
    [
        (1.00, 1.20, True, True),
        (1.00, 1.25, True, False),
        (0.02, 0.12, True, True),
        (0.02, 0.13, True, False),
        (1.00, 1.00, True, True),
        (1.01, 1.00, False, False),
        (0.00, 0.05, False, False),
        (np.nan, 1.00, False, False),
        (1.00, np.nan, False, False),
    ],
)
def test_two_sided_and_clean(bid: float, ask: float, two_sided: bool, clean: bool) -> None:
    chain = quotes((100.0,), forward=100.0)
    chain[["bid", "ask"]] = [bid, ask]
    read = read_quotes(snapshot(chain))
    assert read.two_sided.tolist() == [two_sided] * 2
    assert read.clean.tolist() == [clean] * 2
    np.testing.assert_array_equal(read.mid, [(bid + ask) / 2 if two_sided else np.nan] * 2)


def test_groups_are_roots_by_expiration_with_adjusted_contracts_apart() -> None:
    chain = snapshot(
        quotes((100.0,), forward=100.0, root="SPXW"),
        quotes((100.0,), forward=100.0, root="SPX"),
        quotes((100.0,), forward=100.0, root="SPXW").assign(adjusted=True),
    )
    groups = read_quotes(chain).expirations
    assert len(groups) == 3
    found = [(groups.root[one], bool(groups.adjusted[one])) for one in groups.of_row.tolist()]
    assert found == [("SPXW", False)] * 2 + [("SPX", False)] * 2 + [("SPXW", True)] * 2


def test_pairs_need_the_same_group_and_strike() -> None:
    group = np.array([0, 0, 1, 1, 0, 1], dtype=np.intp)
    strike = np.array([100.0, 105.0, 100.0, 105.0, 100.0, 100.0])
    is_call = np.array([True, True, True, False, False, False])
    pairs = pair(group, strike, is_call)
    assert list(zip(pairs.call.tolist(), pairs.put.tolist(), strict=True)) == [(0, 4), (2, 5)]
    assert pairs.partner.tolist() == [4, -1, 5, -1, 0, 2]


def test_instants_are_converted_to_utc() -> None:
    east = timezone(timedelta(hours=9))
    assert instant64(datetime(2025, 6, 3, 0, 0, tzinfo=east)) == np.datetime64("2025-06-02T15:00:00", "us")
    assert np.isnat(instant64(None))


def test_years_are_real_seconds_and_unknown_where_a_time_is() -> None:
    start = datetime(2025, 6, 2, tzinfo=UTC)
    later = np.array([instant64(start + timedelta(days=365)), instant64(None), instant64(start - timedelta(hours=1))])
    years = years_between(np.full(3, instant64(start)), later)
    np.testing.assert_array_equal(years, [1.0, np.nan, -1 / 8760])
