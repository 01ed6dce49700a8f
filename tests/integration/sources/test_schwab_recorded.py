"""Chains recorded at Schwab, through the real client and the scan. Expectations come from the raw files."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from scanner import schema
from scanner.calendar import MarketCalendar
from scanner.model import ChainSnapshot, PremiumFilters, RejectionReason, UnderlyingQuote
from scanner.premiums import PremiumScanner
from scanner.pricing.rates import RateCurve
from tests.integration.sources.schwab_chains import logged_in, source
from tests.reference.shared_data import shared_path
from tests.vendors.fixtures import EnterInternet
from tests.vendors.schwab import SchwabServer
from tests.vendors.schwab_payloads import WrittenAnswers

CLOSE = datetime(2025, 1, 16, 21, 2, tzinfo=UTC)


def recorded(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(shared_path(f"schwab/{name}").read_text(encoding="utf-8"))
    return body


def fetch(enter_internet: EnterInternet, body: dict[str, Any]) -> ChainSnapshot:
    enter_internet(SchwabServer(WrittenAnswers({body["symbol"]: body})).servers)
    schwab = source(logged_in(expires=CLOSE + timedelta(minutes=20)), clock=lambda: CLOSE)
    return schwab.chain(body["symbol"], lambda listed: listed)


def test_the_puts_of_apple_come_whole(enter_internet: EnterInternet) -> None:
    body = recorded("AAPL.json")
    answer = fetch(enter_internet, body)
    contracts = schema.validate(answer.contracts, schema.CHAIN)
    assert (answer.fetched_count, answer.unreadable, answer.missing_expirations) == (470, {}, ())
    assert answer.listed_expirations == tuple(date.fromisoformat(key[:10]) for key in body["putExpDateMap"])
    assert answer.answer_time == datetime(2025, 1, 16, 21, 0, 1, 414000, tzinfo=UTC)
    assert contracts["quote_time"].notna().all()
    assert answer.underlying == UnderlyingQuote()


def test_without_the_underlyings_quote_nothing_is_ranked_and_everything_counted(enter_internet: EnterInternet) -> None:
    answer = fetch(enter_internet, recorded("AAPL.json"))
    calendar = MarketCalendar(date(2015, 1, 2), date(2030, 12, 31))
    result = PremiumScanner(calendar, RateCurve.flat(0.043)).scan([answer], PremiumFilters(), as_of=CLOSE)
    assert (result.fetched, result.passed) == (470, 0)
    assert sum(result.rejected.values()) == 470
    assert result.rejected[RejectionReason.NO_SPOT] > 0


def test_beside_a_quote_of_the_close_the_puts_are_priced(enter_internet: EnterInternet) -> None:
    """The price the recording names, given as the underlying's quote of that close."""
    body = recorded("AAPL.json")
    stamp = int(datetime(2025, 1, 16, 21, 0, tzinfo=UTC).timestamp() * 1000)
    body["underlying"] = {"symbol": "AAPL", "last": body["underlyingPrice"], "tradeTime": stamp}
    answer = fetch(enter_internet, body)
    calendar = MarketCalendar(date(2015, 1, 2), date(2030, 12, 31))
    result = PremiumScanner(calendar, RateCurve.flat(0.043)).scan([answer], PremiumFilters(), as_of=CLOSE)
    assert result.fetched == 470 == result.passed + sum(result.rejected.values())
    assert result.shown > 0
    for one in result.rows.itertuples():
        assert one.iv == pytest.approx(one.vendor_iv, abs=0.03)


def test_a_recorded_chain_of_unreadable_contracts_is_counted(enter_internet: EnterInternet) -> None:
    answer = fetch(enter_internet, recorded("ACME_calls.json"))
    assert len(answer.contracts) == 0
    assert answer.fetched_count == sum(answer.unreadable.values()) > 0
