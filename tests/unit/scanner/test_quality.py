"""Grades by the table of definitions 4, one contract at a time; planted bad quotes by their truth table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from scanner.calendar import MarketCalendar
from scanner.errors import CalendarError, InputError
from scanner.model import QUOTE_REASONS, UnderlyingQuote
from scanner.premium_facts import premium_facts
from scanner.pricing.chain import PricedChain
from scanner.pricing.rates import RateCurve
from scanner.quality import QuoteColumns, QuoteQuality, age_cutoffs, age_grades, judge
from scanner.sources.simulated.planted import Case
from scanner.sources.simulated.source import SimulatedSource
from tests.reference.cboe import read_cboe
from tests.reference.shared_data import shared_path

NAN = float("nan")
NEW_YORK = ZoneInfo("America/New_York")
STOCK = UnderlyingQuote(bid=99.99, ask=100.01)

GOOD: dict[str, Any] = {
    "root": "AAPL",
    "strike": 95.0,
    "adjusted": False,
    "bid": 1.98,
    "ask": 2.02,
    "volume": 300.0,
    "open_interest": 500.0,
    "vendor_iv": 0.31,
    "spot": 100.0,
    "otm_pct": 5.0,
    "iv": 0.30,
    "forward": 100.2,
    "forward_method": "parity_american",
    "years_to_expiry": 0.10,
    "rate": 0.04,
    "is_call": False,
    "spot_skew": False,
    "quote_time_unknown": False,
}


def judged(**changes: Any) -> QuoteQuality:
    """The judgement of one contract that differs from a perfect one by `changes`."""
    facts = {**GOOD, **changes}
    bid, ask = facts["bid"], facts["ask"]
    facts.setdefault("spread_pct", (ask - bid) / ((bid + ask) / 2) * 100 if 0 < bid <= ask else NAN)
    columns: dict[str, Any] = {
        name: np.array([facts[name]])
        for name in ("spot", "otm_pct", "iv", "forward", "years_to_expiry", "rate", "spread_pct")
    }
    columns["forward_method"] = np.array([facts["forward_method"]], dtype=object)
    priced = PricedChain(
        columns=columns,
        is_call=np.array([facts["is_call"]]),
        spot_skew=np.array([facts["spot_skew"]]),
        quote_time_unknown=np.array([facts["quote_time_unknown"]]),
    )
    numbers = ("strike", "adjusted", "bid", "ask", "volume", "open_interest", "vendor_iv")
    quotes = QuoteColumns(
        root=[facts["root"]],
        expiration=np.array(["2025-07-18"], dtype="datetime64[s]"),
        **{name: np.array([facts[name]]) for name in numbers},
    )
    return judge(quotes, priced, STOCK)


def grade(**changes: Any) -> str:
    return judged(**changes).quote_grade[0]


def test_a_perfect_quote() -> None:
    assert judged() == QuoteQuality(flags=[""], quote_reason=[None], quote_grade=["A"], grade_reasons=[""])


@pytest.mark.parametrize(
    ("bid", "ask", "expected"),
    [
        (1.95, 2.05, "A"),  # 5 %
        (1.00, 1.05, "A"),  # $0.05, which is 0.05 and some noise as a difference of floats
        (0.01, 0.06, "A"),  # $0.05 though 143 %
        (1.00, 1.06, "B"),
        (1.90, 2.10, "B"),  # 10 %
        (0.05, 0.15, "B"),  # $0.10 though 100 %
        (1.00, 1.12, "C"),
        (1.80, 2.20, "C"),  # 20 %
        (1.79, 2.20, "D"),
        (1.50, 2.50, "D"),  # 50 %
        (1.49, 2.50, "F"),
    ],
)
def test_spread(bid: float, ask: float, expected: str) -> None:
    assert grade(bid=bid, ask=ask) == expected


@pytest.mark.parametrize(
    ("open_interest", "volume", "expected"),
    [
        (100, 0, "A"),
        (100, NAN, "A"),
        (99, 0, "B"),
        (50, 0, "B"),
        (49, 100, "B"),
        (0, 100, "B"),
        (49, 99, "C"),
        (0, 0, "C"),
        (49, NAN, "C"),
        (NAN, 5000, "C"),
        (NAN, NAN, "C"),
    ],
)
def test_liquidity(open_interest: float, volume: float, expected: str) -> None:
    assert grade(open_interest=float(open_interest), volume=float(volume)) == expected


@pytest.mark.parametrize(
    ("changes", "expected", "flag", "reason"),
    [
        ({"quote_time_unknown": True}, "C", "quote_time_unknown", "time of the quote unknown"),
        ({"vendor_iv": 0.351}, "C", "vendor_iv_differs", "vendor's IV more than 5 points away"),
        ({"vendor_iv": 0.249}, "C", "vendor_iv_differs", "vendor's IV more than 5 points away"),
        ({"open_interest": NAN}, "C", "open_interest_unknown", "open interest unknown"),
        ({"strike": 80.0}, "D", "approximate_forward", "approximate forward far from the money"),
        ({"bid": 0.0}, "F", "no_bid", "zero or missing bid"),
        ({"bid": NAN}, "F", "no_bid", "zero or missing bid"),
        ({"ask": NAN}, "F", "no_ask", "zero or missing ask"),
        ({"bid": 2.10}, "F", "crossed", "bid above ask"),
        ({"iv": NAN}, "F", "", "no implied volatility"),
        ({"adjusted": True}, "F", "adjusted", "adjusted contract"),
        ({"spot_skew": True}, "F", "spot_skew", "stock and option prices of different times"),
        ({"strike": 105.0, "otm_pct": -5.0}, "F", "arbitrage", "executable arbitrage against other quotes"),
    ],
)
def test_each_condition(changes: dict[str, Any], expected: str, flag: str, reason: str) -> None:
    found = judged(**changes)
    assert (found.quote_grade, found.flags, found.grade_reasons) == ([expected], [flag], [reason])


def test_within_the_limits_nothing_is_said() -> None:
    assert grade(vendor_iv=0.35) == "A"  # exactly 5 points, and some noise
    assert grade(vendor_iv=0.25) == "A"
    assert grade(vendor_iv=NAN) == "A"
    assert grade(strike=84.0) == "A"  # ln(84/100.2) is 1.86 deviations of 0.3 sqrt(0.1)
    assert grade(strike=80.0, forward_method="parity", root="SPXW") == "A"
    assert grade(strike=80.0, forward_method="spot_carry") == "D"


def test_the_worst_condition_decides_and_all_are_named() -> None:
    found = judged(bid=1.80, ask=2.10, open_interest=70.0, quote_time_unknown=True, vendor_iv=0.9, strike=80.0)
    assert found.quote_grade == ["D"]
    assert found.flags == ["approximate_forward,quote_time_unknown,vendor_iv_differs"]
    assert found.grade_reasons == [
        "approximate forward far from the money; spread over 10 % and $0.10; time of the quote unknown; "
        "vendor's IV more than 5 points away; open interest under 100"
    ]


def test_the_first_failing_quote_test_in_the_documented_order() -> None:
    failures: list[dict[str, Any]] = [
        {"iv": NAN},
        {"bid": 2.10},
        {"ask": NAN},
        {"bid": 0.0},
        {"otm_pct": 0.0},
        {"spot": NAN},
        {"root": "SPXW"},
        {"adjusted": True},
    ]
    changes: dict[str, Any] = {}
    for failure, reason in zip(failures, reversed(QUOTE_REASONS), strict=True):
        changes |= failure
        assert judged(**changes).quote_reason == [reason.value]


def test_in_the_money_is_no_candidate() -> None:
    assert judged(otm_pct=-0.01).quote_reason == ["not_out_of_the_money"]
    assert judged(otm_pct=0.01).quote_reason == [None]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


class TestAge:
    def test_in_session_ages_count_from_the_question(self, calendar: MarketCalendar) -> None:
        cutoffs = age_cutoffs(at("2025-06-02T11:00:00"), calendar)
        assert cutoffs.market_open
        assert (cutoffs.a, cutoffs.b) == (at("2025-06-02T10:59:00"), at("2025-06-02T10:55:00"))
        assert (cutoffs.c, cutoffs.d) == (at("2025-06-02T10:45:00"), at("2025-06-02T09:30:00"))
        assert cutoffs.reference == at("2025-06-02T11:00:00")

    def test_just_after_the_open_nothing_older_than_it_counts(self, calendar: MarketCalendar) -> None:
        cutoffs = age_cutoffs(at("2025-06-02T09:32:00"), calendar)
        assert cutoffs.a == at("2025-06-02T09:31:00")
        assert cutoffs.b == cutoffs.c == cutoffs.d == at("2025-06-02T09:30:00")

    @pytest.mark.parametrize("asked", ["2025-11-28T13:00:00", "2025-11-29T12:00:00", "2025-12-01T09:29:59"])
    def test_while_closed_ages_count_from_the_last_close(self, calendar: MarketCalendar, asked: str) -> None:
        cutoffs = age_cutoffs(at(asked), calendar)
        assert not cutoffs.market_open
        assert cutoffs.reference == at("2025-11-28T13:00:00")  # an early close
        assert (cutoffs.a, cutoffs.c) == (at("2025-11-28T12:59:00"), at("2025-11-28T12:45:00"))
        assert cutoffs.d == at("2025-11-28T09:30:00")

    def test_each_band_starts_where_it_says(self, calendar: MarketCalendar) -> None:
        cutoffs = age_cutoffs(at("2025-06-02T11:00:00"), calendar)
        moment = np.timedelta64(1, "us")
        starts = [
            np.datetime64(one.astimezone(UTC).replace(tzinfo=None), "us")
            for one in (cutoffs.a, cutoffs.b, cutoffs.c, cutoffs.d)
        ]
        times = np.array([*starts, *(start - moment for start in starts), np.datetime64("NaT", "us")])
        assert age_grades(times, cutoffs).tolist() == [0, 1, 2, 3, 1, 2, 3, 4, 4]

    def test_refusals(self, calendar: MarketCalendar) -> None:
        with pytest.raises(InputError):
            age_cutoffs(datetime(2025, 6, 2, 11), calendar)  # noqa: DTZ001
        with pytest.raises(CalendarError):
            age_cutoffs(at("1999-06-02T11:00:00"), calendar)


PLANTED = {
    Case.ZERO_BID: ("no_bid", "F"),
    Case.NO_BID: ("no_bid", "F"),
    Case.NO_ASK: ("no_ask", "F"),
    Case.CROSSED: ("crossed", "F"),
    Case.QUOTE_TIME_UNKNOWN: ("quote_time_unknown", "C"),
    Case.VENDOR_IV_FAR: ("vendor_iv_differs", "C"),
    Case.ADJUSTED: ("adjusted", "F"),
    Case.OPEN_INTEREST_UNKNOWN: ("open_interest_unknown", "C"),
    Case.LIQUIDITY_UNKNOWN: ("open_interest_unknown", "C"),
    Case.EXECUTABLE_ARBITRAGE: ("arbitrage", "F"),
}


def test_planted_quotes_are_flagged_and_no_others(calendar: MarketCalendar) -> None:
    now = at("2025-06-04T11:30:00")
    source = SimulatedSource(7, lambda: now, calendar)
    seen: set[Case] = set()
    for symbol in ("SNOW", "TEAM", "APP", "IBIT"):
        chain = source.chain(symbol, lambda listed: listed)
        rows = premium_facts(chain, calendar=calendar, rates=RateCurve.flat(0.04)).set_index("occ_symbol")
        planted = {str(one.occ_symbol): one.case for one in source.planted_cases(symbol)}
        for code, case in planted.items():
            if case not in PLANTED:
                continue
            flag, letter = PLANTED[case]
            assert flag in rows["flags"][code].split(","), case
            assert rows["quote_grade"][code] == letter, case
            seen.add(case)
        clean = rows[rows["otm_pct"] > 0].drop(index=list(planted))  # in the money the volatility is the planted twin's
        unexpected = set(",".join(clean["flags"]).split(",")) - {"", "no_bid", "approximate_forward"}
        assert unexpected == set()
    assert seen == set(PLANTED)


def test_chain_whose_stock_is_of_another_time(calendar: MarketCalendar) -> None:
    source = SimulatedSource(7, lambda: at("2025-06-04T11:30:00"), calendar)
    rows = premium_facts(
        source.chain("ZPSPOT", lambda listed: listed[:2]), calendar=calendar, rates=RateCurve.flat(0.04)
    )
    assert set(rows["quote_grade"]) == {"F"}
    assert rows["flags"].str.contains("spot_skew").all()


@pytest.mark.parametrize(
    ("file", "quoted", "rate", "most"),
    [
        ("fagan2888/quotedata.dat", "2020-03-20 16:00:00", 0.006, 0),
        ("hgnicej/5f7a18e5_spx_quotedata-3.csv", "2025-10-01 16:00:00", 0.041, 0),
        ("ralph-e-boy/406e5ff2_quotedata.csv", "2025-08-29 16:00:00", 0.041, 0),
        ("ralph-e-boy/5a3a8177_quotedata.csv", "2025-09-02 16:00:00", 0.041, 3),
    ],
)
def test_recorded_closing_chains_hold_next_to_no_arbitrage(
    calendar: MarketCalendar, file: str, quoted: str, rate: float, most: int
) -> None:
    """The three of SPY are cents in wings beyond 45 % out of the money, found by reading the file."""
    chain = read_cboe(shared_path(f"cboe/{file}"), quoted_at=at(quoted)).snapshot
    rows = premium_facts(chain, calendar=calendar, rates=RateCurve.flat(rate))
    found = rows[rows["flags"].str.contains("arbitrage")]
    assert len(found) <= most
    assert (found["ask"] < 0.15).all()


def test_stale_quote_in_a_recorded_chain_is_found(calendar: MarketCalendar) -> None:
    path = shared_path("cboe/hgnicej/5f7a18e5_spx_quotedata-3.csv")
    chain = read_cboe(path, quoted_at=at("2025-10-01 16:00:00")).snapshot
    contracts = chain.contracts.copy()
    spoiled = contracts.index[(contracts["strike"] == 6000) & (contracts["option_type"] == "put")][0]
    contracts.loc[spoiled, ["bid", "ask"]] *= 1.3
    rows = premium_facts(replace(chain, contracts=contracts), calendar=calendar, rates=RateCurve.flat(0.041))
    assert rows.index[rows["flags"].str.contains("arbitrage")].tolist() == [spoiled]


def test_age_of_a_day_old_question(calendar: MarketCalendar) -> None:
    friday = at("2025-05-30T15:59:30")
    times = np.array([np.datetime64(friday.astimezone(UTC).replace(tzinfo=None), "us")])
    assert age_grades(times, age_cutoffs(at("2025-06-01T12:00:00"), calendar)).tolist() == [0]
    assert age_grades(times, age_cutoffs(at("2025-06-02T09:30:00"), calendar)).tolist() == [4]
    assert age_grades(times, age_cutoffs(friday + timedelta(hours=3), calendar)).tolist() == [0]
