from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from scanner.model import EarningsState, ReferenceData
from scanner.sources.payload import PayloadError
from scanner.sources.yahoo.reference import read_earnings, read_reference

NOW = datetime(2025, 2, 24, 14, 0, tzinfo=UTC)
TODAY = date(2025, 2, 24)
FEBRUARY_10 = 1739145600
JANUARY_30_CALL = 1738272600
APRIL_30 = 1746010740
MAY_5 = 1746446400


def body(**modules: Any) -> dict[str, Any]:
    """Values as Yahoo gave them for AAPL on 2025-02-24."""
    known: dict[str, Any] = {
        "price": {
            "longName": "Apple Inc.",
            "shortName": "Apple",
            "regularMarketPrice": 245.55,
            "regularMarketChangePercent": -0.0011389935,
            "regularMarketVolume": 53197431,
            "marketCap": 3688676720640,
        },
        "summaryDetail": {
            "averageVolume": 50792552,
            "fiftyTwoWeekHigh": 260.1,
            "fiftyTwoWeekLow": 164.08,
            "dividendYield": 0.0041,
            "exDividendDate": FEBRUARY_10,
        },
        "calendarEvents": {
            "earnings": {"earningsDate": [APRIL_30, MAY_5], "isEarningsDateEstimate": True},
            "exDividendDate": FEBRUARY_10,
        },
        "assetProfile": {"sector": "Technology", "industry": "Consumer Electronics"},
        "defaultKeyStatistics": {"lastDividendDate": FEBRUARY_10, "lastDividendValue": 0.25},
    }
    return {"quoteSummary": {"result": [{**known, **modules}], "error": None}}


def read(**modules: Any) -> ReferenceData:
    facts = read_reference(body(**modules), symbol="AAPL", source="yahoo", fetched_at=NOW)
    assert facts is not None
    return facts


def test_all_facts_in_our_units() -> None:
    facts = read()
    assert facts.change_pct == pytest.approx(-0.11389935)
    assert facts.dividend_yield_pct == pytest.approx(0.41)
    assert (facts.name, facts.sector, facts.industry) == ("Apple Inc.", "Technology", "Consumer Electronics")
    assert (facts.last_price, facts.high_52_week, facts.low_52_week) == (245.55, 260.1, 164.08)
    assert (facts.volume, facts.average_volume, facts.market_cap) == (53197431, 50792552, 3688676720640)
    assert (facts.next_earnings, facts.earnings_state) == (date(2025, 4, 30), EarningsState.ESTIMATED)
    assert (facts.ex_dividend_date, facts.dividend_amount) == (date(2025, 2, 10), 0.25)


def test_parts_yahoo_leaves_out_are_unknown() -> None:
    empty: dict[str, Any] = {"quoteSummary": {"result": [{}], "error": None}}
    facts = read_reference(empty, symbol="QQQ", source="yahoo", fetched_at=NOW)
    assert facts == ReferenceData("QQQ", "yahoo", NOW)


@pytest.mark.parametrize(
    ("kind", "state"),
    [("ETF", "none"), ("MUTUALFUND", "none"), ("EQUITY", "unknown"), ("INDEX", "unknown"), (None, "unknown")],
)
def test_funds_report_no_earnings(kind: str | None, state: str) -> None:
    facts = read(price={"quoteType": kind}, calendarEvents={})
    assert (facts.next_earnings, facts.earnings_state) == (None, EarningsState(state))


def test_the_amount_of_another_dividend_is_not_taken() -> None:
    coming = read(calendarEvents={"exDividendDate": FEBRUARY_10 + 90 * 86400})
    assert (coming.ex_dividend_date, coming.dividend_amount) == (date(2025, 5, 11), None)


@pytest.mark.parametrize("value", ["245.55", True, float("nan"), float("inf"), 0, -1, None, {}, {"raw": 1}])
def test_what_is_no_number_is_unknown(value: object) -> None:
    facts = read(
        price={"regularMarketPrice": value, "marketCap": value, "regularMarketVolume": value if value != 0 else -1},
        summaryDetail={"dividendYield": None if value in (0, -1) else value},
    )
    assert (facts.last_price, facts.market_cap, facts.volume, facts.dividend_yield_pct) == (None, None, None, None)


def test_an_unknown_symbol() -> None:
    not_found = {"code": "Not Found", "description": "Quote not found for symbol: ZZTOP"}
    answers: tuple[dict[str, Any], ...] = ({"result": None, "error": not_found}, {"result": [], "error": None})
    for answer in answers:
        assert read_reference({"quoteSummary": answer}, symbol="ZZTOP", source="yahoo", fetched_at=NOW) is None


@pytest.mark.parametrize(
    "strange",
    [
        *(None, [], {}, {"quoteSummary": None}, {"quoteSummary": {"result": None, "error": None}}),
        *({"quoteSummary": {"result": [None], "error": None}}, {"quoteSummary": {"error": {"code": "Internal"}}}),
    ],
)
def test_an_answer_of_another_shape_is_refused(strange: object) -> None:
    with pytest.raises(PayloadError):
        read_reference(strange, symbol="AAPL", source="yahoo", fetched_at=NOW)


@pytest.mark.parametrize(
    ("earnings", "expected"),
    [
        ({"earningsDate": [APRIL_30], "isEarningsDateEstimate": False}, (date(2025, 4, 30), EarningsState.CONFIRMED)),
        ({"earningsDate": [APRIL_30], "isEarningsDateEstimate": True}, (date(2025, 4, 30), EarningsState.ESTIMATED)),
        ({"earningsDate": [APRIL_30]}, (date(2025, 4, 30), EarningsState.ESTIMATED)),
        ({"earningsDate": [MAY_5, APRIL_30]}, (date(2025, 4, 30), EarningsState.ESTIMATED)),
        (
            {"earningsDate": [APRIL_30, MAY_5], "isEarningsDateEstimate": False},
            (date(2025, 4, 30), EarningsState.ESTIMATED),
        ),
        ({"earningsDate": [JANUARY_30_CALL], "isEarningsDateEstimate": False}, (None, EarningsState.UNKNOWN)),
        ({"earningsDate": [JANUARY_30_CALL, APRIL_30]}, (date(2025, 4, 30), EarningsState.ESTIMATED)),
        ({"earningsDate": []}, (None, EarningsState.UNKNOWN)),
        ({"earningsDate": ["soon", None, 0, -5, True]}, (None, EarningsState.UNKNOWN)),
        ({"earningsDate": None}, (None, EarningsState.UNKNOWN)),
        ({}, (None, EarningsState.UNKNOWN)),
    ],
)
def test_next_earnings_are_ahead_and_say_how_sure_they_are(
    earnings: dict[str, Any], expected: tuple[date | None, EarningsState]
) -> None:
    assert read_earnings(earnings, today=TODAY) == expected


def test_earnings_today_still_count_and_are_dated_in_new_york() -> None:
    late_on_the_24th_in_new_york = int(datetime(2025, 2, 25, 1, 0, tzinfo=UTC).timestamp())
    earnings = {"earningsDate": [late_on_the_24th_in_new_york], "isEarningsDateEstimate": False}
    assert read_earnings(earnings, today=TODAY) == (TODAY, EarningsState.CONFIRMED)
    assert read_earnings(earnings, today=date(2025, 2, 25)) == (None, EarningsState.UNKNOWN)
