"""Answers recorded at Yahoo, through the real client. Expectations come from the raw files, not from our code."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from scanner import schema
from scanner.errors import NoOptionsError, SymbolNotFoundError
from scanner.model import ChainSnapshot
from scanner.sources.base import nearest_only
from scanner.sources.resilience import OpenGate
from scanner.sources.yahoo import YahooSource
from tests.reference.shared_data import FOLDER, shared_path
from tests.vendors.fixtures import EnterInternet
from tests.vendors.yahoo import OPTIONS, YahooServer
from tests.vendors.yahoo_payloads import WrittenAnswers, recorded_body

NOW = datetime(2025, 2, 24, 9, 24, 42, tzinfo=UTC)
LAST_SESSION = date(2025, 2, 21)
ALIAS = "ALIAS"
"""What a symbol is called at the fake Yahoo whose own name no option symbol can have (GC=F)."""

Raw = dict[str, Any]


def recorded(with_contracts: bool) -> Sequence[Any]:
    """Every recorded first answer, by whether it holds contracts; one visible skip where there are no files."""
    paths = sorted((FOLDER / "yahoo" / "options").glob("options-*.json"))
    chosen = [path for path in paths if bool(raw_rows(path)) is with_contracts and "-expire-" not in path.name]
    skip = pytest.mark.skip(reason="real data yahoo/options is not at ../shared/data")
    return [pytest.param(path, id=path.stem) for path in chosen] or [pytest.param(None, marks=skip)]


def result_of(path: Path) -> Raw:
    result: Raw = recorded_body(path)["optionChain"]["result"][0]
    return result


def raw_rows(path: Path) -> list[Raw]:
    return [row for block in result_of(path)["options"] for side in ("calls", "puts") for row in block[side]]


def source() -> YahooSource:
    return YahooSource(clock=lambda: NOW, timeout_seconds=10.0, gate=OpenGate())


def fetch(enter_internet: EnterInternet, path: Path, choose: Any = nearest_only) -> ChainSnapshot:
    symbol = result_of(path)["underlyingSymbol"]
    enter_internet(YahooServer(WrittenAnswers({symbol: recorded_body(path)})).servers)
    return source().chain(symbol, choose)


def known(value: Any) -> Any:
    return None if math.isnan(value) else value


@pytest.mark.parametrize("path", recorded(with_contracts=True))
def test_every_contract_is_read_and_no_placeholder_becomes_a_number(enter_internet: EnterInternet, path: Path) -> None:
    rows = raw_rows(path)
    answer = fetch(enter_internet, path)
    contracts = schema.validate(answer.contracts, schema.CHAIN)
    assert answer.unreadable == {}
    assert answer.fetched_count == len(contracts) == len(rows)
    assert sorted(contracts["occ_symbol"]) == sorted(row["contractSymbol"] for row in rows)

    read = contracts.set_index("occ_symbol")
    night = sum(row["bid"] == 0 == row["ask"] for row in rows) > len(rows) / 2
    for row in rows:
        ours = read.loc[row["contractSymbol"]]
        quoted = (row["bid"], row["ask"])
        assert (known(ours["bid"]), known(ours["ask"])) == ((None, None) if quoted == (0, 0) else quoted)
        assert known(ours["last"]) == row["lastPrice"]
        assert known(ours["volume"]) == row.get("volume")
        assert known(ours["open_interest"]) == (None if night and not row.get("openInterest") else row["openInterest"])
        solved = quoted != (0, 0) and row["impliedVolatility"] > 1e-4
        assert known(ours["vendor_iv"]) == (row["impliedVolatility"] if solved else None)


@pytest.mark.parametrize("path", recorded(with_contracts=True))
def test_before_the_open_prices_are_those_of_the_last_session(enter_internet: EnterInternet, path: Path) -> None:
    answer = fetch(enter_internet, path)
    raw = result_of(path)["quote"]
    assert raw["marketState"] == "PRE"
    assert (answer.underlying.bid, answer.underlying.ask) == (None, None)
    assert answer.underlying.last == raw["regularMarketPrice"]
    assert answer.answer_time == answer.underlying.last_time
    assert answer.answer_time is not None
    assert answer.answer_time.date() == LAST_SESSION
    assert 20 <= answer.answer_time.hour <= 21


@pytest.mark.parametrize("path", recorded(with_contracts=False))
def test_symbols_without_options_say_so(enter_internet: EnterInternet, path: Path) -> None:
    body = recorded_body(path)
    body["optionChain"]["result"][0]["underlyingSymbol"] = ALIAS
    enter_internet(YahooServer(WrittenAnswers({ALIAS: body})).servers)
    with pytest.raises(NoOptionsError) as caught:
        source().chain(ALIAS, nearest_only)
    assert caught.value.symbol == ALIAS


def test_a_past_date_was_answered_without_contracts(enter_internet: EnterInternet) -> None:
    """Yahoo lists 20 expirations for AAPL and answered the one of 2022 with two empty lists."""
    body = recorded_body(shared_path("yahoo/options/options-AAPL-expire-2022-03-01.json"))
    assert body["optionChain"]["result"][0]["options"] == [
        {"expirationDate": 1646092800, "hasMiniOptions": False, "calls": [], "puts": []}
    ]
    enter_internet(YahooServer(WrittenAnswers({"AAPL": body})).servers)
    answer = source().chain("AAPL", nearest_only)
    assert len(answer.listed_expirations) == 20
    assert len(answer.contracts) == 0
    assert answer.missing_expirations == (date(2025, 2, 28),)


def test_expirations_that_were_not_recorded_are_missing(enter_internet: EnterInternet) -> None:
    path = shared_path("yahoo/options/options-AAPL.json")
    answer = fetch(enter_internet, path, lambda listed: listed[:3])
    assert answer.missing_expirations == (date(2025, 3, 7), date(2025, 3, 14))
    assert len(answer.contracts) == len(raw_rows(path)) == 102


def test_the_chain_of_2016_is_complete_and_quoted(enter_internet: EnterInternet) -> None:
    path = shared_path("yahoo/pandas-datareader/yahoo_options1.json")
    answer = fetch(enter_internet, path)
    contracts = schema.validate(answer.contracts, schema.CHAIN).set_index("occ_symbol")
    rows = raw_rows(path)
    assert len(contracts) == len(rows)
    assert answer.unreadable == {}
    assert {row["contractSymbol"]: (row["bid"], row["ask"]) for row in rows} == dict(
        zip(contracts.index, zip(contracts["bid"], contracts["ask"], strict=True), strict=True)
    )
    assert known(contracts.loc["AAPL160909C00094000", "vendor_iv"]) == 0.9062509375
    assert known(contracts.loc["AAPL160909C00093000", "vendor_iv"]) is None
    assert known(contracts.loc["AAPL160909C00080000", "open_interest"]) == 0
    assert len(answer.listed_expirations) == 15
    assert answer.answer_time == datetime(2016, 9, 6, 20, 0, tzinfo=UTC)
    assert (answer.underlying.last, answer.underlying.bid) == (107.68, None)


def test_the_empty_result_of_2016_is_an_unknown_symbol(enter_internet: EnterInternet) -> None:
    body = recorded_body(shared_path("yahoo/pandas-datareader/yahoo_options2.json"))
    internet = enter_internet(YahooServer(WrittenAnswers({"AAPL": body})).servers)
    with pytest.raises(SymbolNotFoundError):
        source().chain("AAPL", nearest_only)
    assert internet.count(OPTIONS) == 1
