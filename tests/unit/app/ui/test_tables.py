from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from app.ui import tables
from scanner.model import EarningsState, ReferenceData, Strategy
from tests.unit.app.ui.frames import AS_OF, call, put, scan_frame, unknown

TODAY = date(2026, 11, 20)
PUTS = (Strategy.CASH_SECURED_PUT,)
BOTH = (Strategy.CASH_SECURED_PUT, Strategy.COVERED_CALL)


def facts(**changes: Any) -> dict[str, ReferenceData]:
    return {"AAPL": ReferenceData("AAPL", "simulated", AS_OF, **changes)}


def test_columns_stand_in_the_order_sellers_expect() -> None:
    labels = {column.name: column.label for column in tables.SELLER_COLUMNS}
    assert [labels[name] for name in tables.shown_columns(PUTS)] == [
        *("Ticker", "Price", "Exp (DTE)", "Strike", "% OTM", "Bid", "Ask", "Spread %", "Premium", "Break-even"),
        *("Delta", "Prob. OTM", "Prob. profit", "Return %", "Monthly %", "Annual %", "IV", "Volume", "OI"),
        *("Next earnings", "Ex-dividend", "Collateral", "Source", "Age", "Grade"),
    ]


def test_covered_calls_bring_their_own_columns_and_both_strategies_the_side() -> None:
    assert tables.shown_columns((Strategy.COVERED_CALL,))[-2:] == ["if_called_return", "early_assignment"]
    assert "side" not in tables.shown_columns((Strategy.COVERED_CALL,))
    assert "side" in tables.shown_columns(BOTH)


def test_every_column_explains_itself_and_only_the_ticker_is_pinned() -> None:
    config = tables.column_config()
    assert set(config) == {column.name for column in tables.SELLER_COLUMNS}
    assert all(entry["help"] for entry in config.values())
    assert [name for name, entry in config.items() if entry["pinned"]] == ["symbol"]


def test_numbers_stay_numbers_and_fractions_become_percent() -> None:
    shown = tables.seller_table(scan_frame(put()), {}, TODAY).iloc[0]
    assert shown["symbol"] == "AAPL"
    assert shown["expiration"] == "2026-12-18 (28)"
    assert shown["delta"] == pytest.approx(-0.256)
    assert shown["iv"] == pytest.approx(28.8)
    assert shown["prob_otm"] == pytest.approx(73.1)
    assert shown["premium_pct"] == pytest.approx(1.24)
    assert shown["age"] == "12 s"


def test_rows_keep_their_order() -> None:
    rows = scan_frame(call(), put(), put(strike=240.0, occ_symbol="AAPL261218P00240000"))
    assert list(tables.seller_table(rows, {}, TODAY).index) == list(rows["occ_symbol"])


def test_unknown_stays_unknown() -> None:
    shown = tables.seller_table(scan_frame(unknown()), {}, TODAY)
    numbers = [column.name for column in tables.SELLER_COLUMNS if column.pattern is not None]
    known = [name for name in numbers if name not in ("strike", "collateral_usd") and not shown[name].isna().all()]
    assert known == []
    assert shown["age"].iloc[0] == "unknown"
    assert shown["next_earnings"].iloc[0] is None or pd.isna(shown["next_earnings"].iloc[0])


def test_an_empty_scan_gives_an_empty_table() -> None:
    assert tables.seller_table(scan_frame(), {}, TODAY).empty


@pytest.mark.parametrize(
    ("day", "state", "expected"),
    [
        (date(2026, 12, 4), EarningsState.CONFIRMED, "2026-12-04 !"),
        (date(2026, 12, 18), EarningsState.ESTIMATED, "2026-12-18 (est.) !"),
        (date(2026, 12, 19), EarningsState.CONFIRMED, "2026-12-19"),
        (None, EarningsState.UNKNOWN, None),
        (None, EarningsState.NONE, "none"),
    ],
)
def test_earnings_carry_their_state_and_a_mark_before_expiration(
    day: date | None, state: EarningsState, expected: str | None
) -> None:
    reference = facts(next_earnings=day, earnings_state=state)["AAPL"]
    assert tables.earnings(reference, date(2026, 12, 18)) == expected


def test_a_past_ex_dividend_date_says_so() -> None:
    assert tables.ex_dividend(facts(ex_dividend_date=date(2026, 11, 9))["AAPL"], TODAY) == "2026-11-09 (past)"
    assert tables.ex_dividend(facts(ex_dividend_date=date(2026, 12, 9))["AAPL"], TODAY) == "2026-12-09"
    assert tables.ex_dividend(None, TODAY) is None


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({}, None),
        ({"ex_dividend_date": None, "dividend_amount": 5.0}, None),
        ({"ex_dividend_date": date(2026, 11, 9), "dividend_amount": 5.0}, None),
        ({"ex_dividend_date": date(2026, 12, 19), "dividend_amount": 5.0}, "no"),
        ({"ex_dividend_date": date(2026, 12, 9), "dividend_amount": None}, tables.EX_DIVIDEND_BEFORE_EXPIRY),
        ({"ex_dividend_date": date(2026, 12, 9), "dividend_amount": 3.15}, tables.EX_DIVIDEND_BEFORE_EXPIRY),
        ({"ex_dividend_date": date(2026, 12, 9), "dividend_amount": 3.16}, tables.EARLY_ASSIGNMENT_LIKELY),
    ],
)
def test_early_assignment_compares_time_value_with_the_dividend(
    reference: dict[str, Any], expected: str | None
) -> None:
    """The call is out of the money: its whole mid of 3.15 is time value."""
    known = facts(**reference)["AAPL"] if reference else None
    assert tables.early_assignments(scan_frame(call()), [known], TODAY) == [expected]


def test_early_assignment_of_a_deep_call_counts_only_the_time_value() -> None:
    """Spot 262.50, strike 250: 12.50 of the mid of 13.00 is intrinsic, 0.50 is left against a dividend of 0.60."""
    rows = scan_frame(call(strike=250.0, mid=13.0, bid=12.9, ask=13.1))
    known = facts(ex_dividend_date=date(2026, 12, 9), dividend_amount=0.6)["AAPL"]
    assert tables.early_assignments(rows, [known], TODAY) == [tables.EARLY_ASSIGNMENT_LIKELY]


def test_early_assignment_is_no_matter_of_puts_and_unknown_prices_do_not_make_it_likely() -> None:
    known = facts(ex_dividend_date=date(2026, 12, 9), dividend_amount=9.0)["AAPL"]
    rows = scan_frame(put(), call(mid=np.nan))
    assert tables.early_assignments(rows, [known, known], TODAY) == [None, tables.EX_DIVIDEND_BEFORE_EXPIRY]


def test_age_counts_from_the_answer_where_the_quote_has_no_time() -> None:
    row = put(quote_time=None, quote_age_seconds=840.0, age_is_minimum=True, age_state="delayed")
    closed = put(
        quote_time=None, answer_time=datetime(2026, 11, 20, 21, 0, tzinfo=UTC), age_state="closed", age_is_minimum=True
    )
    rows = scan_frame(row, closed)
    assert tables.ages(rows) == ["at least 14 min", "closed (Fri 16:00)"]
    assert tables.age_of(rows.iloc[0]) == "at least 14 min"
