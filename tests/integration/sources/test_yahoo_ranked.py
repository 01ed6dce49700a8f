"""Recorded Yahoo answers all the way: the real client, our prices, the ranked list and its account."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from scanner.calendar import MarketCalendar
from scanner.model import ChainSnapshot, PremiumFilters, RejectionReason, Strategy
from scanner.premium_facts import premium_facts
from scanner.premiums import PremiumScanner
from scanner.pricing.rates import RateCurve
from scanner.sources.base import nearest_only
from scanner.sources.resilience import OpenGate
from scanner.sources.yahoo import YahooSource
from tests.integration.sources.test_yahoo_recorded import raw_rows, recorded, result_of
from tests.reference.shared_data import shared_path
from tests.vendors.fixtures import EnterInternet
from tests.vendors.yahoo import YahooServer
from tests.vendors.yahoo_payloads import WrittenAnswers, recorded_body

CALENDAR = MarketCalendar(date(2015, 1, 2), date(2030, 12, 31))
RATES = RateCurve.flat(0.005)
CLOSE_2016 = datetime(2016, 9, 6, 20, 0, tzinfo=UTC)
"""The recorded AAPL chain: quotes of the close of Tuesday 2016-09-06, expiring that Friday."""

WIDE = PremiumFilters(
    strategies=(Strategy.CASH_SECURED_PUT, Strategy.COVERED_CALL),
    target_dtes=(),
    delta_min=0.0,
    delta_max=1.0,
    volume_min=0,
    open_interest_min=0,
    best_per_expiration=False,
)


def fetch(enter_internet: EnterInternet, path: Path, now: datetime) -> ChainSnapshot:
    symbol = result_of(path)["underlyingSymbol"]
    enter_internet(YahooServer(WrittenAnswers({symbol: recorded_body(path)})).servers)
    return YahooSource(clock=lambda: now, timeout_seconds=10.0, gate=OpenGate()).chain(symbol, nearest_only)


@pytest.mark.parametrize("path", recorded(with_contracts=True))
def test_every_contract_of_a_real_answer_is_shown_or_counted(enter_internet: EnterInternet, path: Path) -> None:
    now = datetime(2025, 2, 24, 9, 24, 42, tzinfo=UTC)
    snapshot = fetch(enter_internet, path, now)
    result = PremiumScanner(CALENDAR, RATES).scan([snapshot], WIDE, as_of=now)
    rows = raw_rows(path)
    assert result.fetched == len(rows)
    assert result.passed + sum(result.rejected.values()) == len(rows)
    unbid = {row["contractSymbol"] for row in rows if not row["bid"]}
    assert not unbid & set(result.rows["occ_symbol"])


@pytest.mark.parametrize("path", recorded(with_contracts=True))
def test_a_contract_has_a_volatility_or_the_reason_why_not(enter_internet: EnterInternet, path: Path) -> None:
    snapshot = fetch(enter_internet, path, datetime(2025, 2, 24, 9, 24, 42, tzinfo=UTC))
    facts = premium_facts(snapshot, calendar=CALENDAR, rates=RATES)
    assert bool((facts["iv"].isna() == facts["iv_reason"].notna()).all())
    one_sided = ~((facts["bid"] > 0) & (facts["ask"] >= facts["bid"]))
    assert not facts.loc[one_sided, "premium"].gt(0).any() or bool(facts.loc[one_sided, "mid"].isna().all())
    assert bool(facts.loc[facts["bid"].isna() | (facts["bid"] == 0), "quote_grade"].eq("F").all())


def test_the_apple_chain_of_2016_ranks(enter_internet: EnterInternet) -> None:
    path = shared_path("yahoo/pandas-datareader/yahoo_options1.json")
    snapshot = fetch(enter_internet, path, CLOSE_2016)
    result = PremiumScanner(CALENDAR, RATES).scan([snapshot], WIDE, as_of=CLOSE_2016)
    raw = {row["contractSymbol"]: row for row in raw_rows(path)}
    spot = result_of(path)["quote"]["regularMarketPrice"]

    assert result.fetched == len(raw)
    assert result.passed + sum(result.rejected.values()) == len(raw)
    in_the_money = sum(row["strike"] >= spot if "P0" in code else row["strike"] <= spot for code, row in raw.items())
    assert result.rejected[RejectionReason.NOT_OUT_OF_THE_MONEY] == in_the_money
    assert result.shown == result.passed > 10

    for row in result.rows.itertuples():
        quoted = raw[row.occ_symbol]
        base = quoted["strike"] if row.option_type == "put" else spot
        assert row.dte == 3
        assert row.premium == quoted["bid"] > 0
        assert row.monthly_return == pytest.approx(quoted["bid"] / base * 100 / 3 * 30, rel=1e-12)
    monthly = result.rows["monthly_return"].to_numpy()
    assert bool((np.diff(monthly) <= 0).all())
