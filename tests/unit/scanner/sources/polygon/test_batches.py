from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.sources.polygon.batches import DateRange, fewest_calls

FIRST = date(2026, 11, 27)


def day(week: int) -> date:
    return FIRST + timedelta(weeks=week)


def listed(*sizes: int) -> dict[date, int]:
    return {day(week): size for week, size in enumerate(sizes)}


def asked(sizes: Mapping[date, int], *weeks: int) -> list[tuple[int, int]]:
    """The ranges as weeks."""
    ranges = fewest_calls([day(week) for week in weeks], sizes, page_size=250, most_pages=4)
    return [((one.first - FIRST).days // 7, (one.last - FIRST).days // 7) for one in ranges]


@pytest.mark.parametrize(
    ("sizes", "weeks", "expected"),
    [
        ((60, 60, 60, 60), (), []),
        ((60, 60, 60, 60), (1,), [(1, 1)]),
        ((60, 60, 60, 60), (0, 1, 2, 3), [(0, 3)]),
        ((60, 60, 60, 60), (0, 3), [(0, 3)]),
        ((60, 130, 130, 60), (0, 3), [(0, 0), (3, 3)]),
        ((240, 240, 240, 240), (0, 1, 2, 3), [(0, 0), (1, 1), (2, 2), (3, 3)]),
        ((300, 200), (0, 1), [(0, 1)]),
        ((300, 201), (0, 1), [(0, 0), (1, 1)]),
        ((0, 0), (0, 1), [(0, 1)]),
        ((1000,), (0,), [(0, 0)]),
        ((2500,), (0,), [(0, 0)]),
    ],
)
def test_neighbours_go_together_where_that_saves_a_call(
    sizes: Sequence[int], weeks: Sequence[int], expected: list[tuple[int, int]]
) -> None:
    assert asked(listed(*sizes), *weeks) == expected


def test_full_pages_are_not_joined() -> None:
    """Five of 100 contracts fill two pages: more of them together would save nothing."""
    assert asked(listed(*[100] * 20), *range(20)) == [(0, 4), (5, 9), (10, 14), (15, 19)]


def test_several_share_a_bounded_number_of_pages() -> None:
    """Twelve of 95 contracts would make five pages together."""
    ranges = asked(listed(*[95] * 12), *range(12))
    assert len(ranges) > 1
    assert max(last - first + 1 for first, last in ranges) * 95 <= 1000


@given(
    sizes=st.lists(st.integers(0, 700), min_size=1, max_size=7),
    picks=st.sets(st.integers(0, 6), max_size=7),
)
def test_no_way_to_group_them_takes_fewer_calls(sizes: list[int], picks: set[int]) -> None:
    """Against trying every way to cut the row of chosen expirations."""
    weeks = sorted(week for week in picks if week < len(sizes))
    got = asked(listed(*sizes), *weeks)
    assert [week for week in weeks if not any(first <= week <= last for first, last in got)] == []
    assert all(_allowed(sizes, group) for group in got)
    others = [ways for ways in _ways(weeks) if all(_allowed(sizes, group) for group in ways)]
    assert _calls(sizes, got) == min(_calls(sizes, ways) for ways in others)


def _ways(weeks: Sequence[int]) -> list[list[tuple[int, int]]]:
    """Every way to cut the row of weeks into pieces, each as its first and last week."""
    places = [cut for count in range(max(1, len(weeks))) for cut in combinations(range(1, len(weeks)), count)]
    edges = [[0, *cut, len(weeks)] for cut in places]
    return [[(weeks[start], weeks[end - 1]) for start, end in pairwise(one) if end > start] for one in edges]


def _pages(sizes: Sequence[int], group: tuple[int, int]) -> int:
    total = sum(sizes[group[0] : group[1] + 1])
    return max(1, (total + 249) // 250)


def _calls(sizes: Sequence[int], groups: Sequence[tuple[int, int]]) -> int:
    return sum(_pages(sizes, group) for group in groups)


def _allowed(sizes: Sequence[int], group: tuple[int, int]) -> bool:
    return group[0] == group[1] or _pages(sizes, group) <= 4


def test_a_range_holds_both_ends() -> None:
    dates = DateRange(day(1), day(2))
    assert [week for week in range(4) if day(week) in dates] == [1, 2]
