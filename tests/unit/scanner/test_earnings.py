from __future__ import annotations

from datetime import UTC, date, datetime

from scanner.earnings import NEVER, next_earnings
from scanner.model import EarningsState, ReferenceData

NOW = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
TODAY = date(2026, 11, 18)
FRIDAY = date(2026, 11, 20)


def stock(symbol: str, day: date | None, state: EarningsState = EarningsState.ESTIMATED) -> ReferenceData:
    return ReferenceData(symbol, "by hand", NOW, next_earnings=day, earnings_state=state)


def test_past_days_and_unknown_ones_are_left_out() -> None:
    stocks = [
        stock("PAST", date(2026, 11, 17)),
        stock("TODAY", TODAY),
        stock("LATER", FRIDAY, EarningsState.CONFIRMED),
        stock("NOBODY", None, EarningsState.UNKNOWN),
        stock("FUND", None, EarningsState.NONE),
    ]
    assert next_earnings(stocks, today=TODAY) == {"TODAY": TODAY, "LATER": FRIDAY, "FUND": NEVER}
