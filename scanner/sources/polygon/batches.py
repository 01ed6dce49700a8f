"""Which expirations are asked for together, so that a chain takes the fewest calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class DateRange:
    """Expirations from `first` to `last`, both included."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class _Plan:
    calls: int
    contracts: int
    ranges: tuple[DateRange, ...]

    def cost(self) -> tuple[int, int]:
        return self.calls, self.contracts


def fewest_calls(
    chosen: Sequence[date], sizes: Mapping[date, int], *, page_size: int, most_pages: int
) -> tuple[DateRange, ...]:
    """Ranges that together hold the `chosen` expirations in the fewest pages; of several ways the one that brings the
    fewest contracts.

    `chosen` ascends, `sizes` are the contracts of every listed expiration. A range brings all that are listed in it,
    also what nobody chose: three small expirations in one page cost less than two apart. What is asked for together
    fails together, so several chosen ones share at most `most_pages`.
    """
    plans = [_Plan(0, 0, ())]
    for end, last in enumerate(chosen):
        ways = [_extended(plans[end], DateRange(last, last), sizes, page_size)]
        for start in reversed(range(end)):
            together = _extended(plans[start], DateRange(chosen[start], last), sizes, page_size)
            if together.calls - plans[start].calls > most_pages:
                break
            ways.append(together)
        plans.append(min(ways, key=_Plan.cost))
    return plans[-1].ranges


def _extended(plan: _Plan, added: DateRange, sizes: Mapping[date, int], page_size: int) -> _Plan:
    contracts = sum(size for day, size in sizes.items() if day in added)
    pages = max(1, -(-contracts // page_size))
    return _Plan(plan.calls + pages, plan.contracts + contracts, (*plan.ranges, added))
