"""Single answers that were recorded at Robinhood (2018-2021). Expectations are the raw files' own values."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scanner import schema
from scanner.model import OptionType
from scanner.sources.robinhood.listing import ListedContract, Listing, read_contract, read_page
from scanner.sources.robinhood.quotes import chain_frame, quoted_contracts, read_market_data
from scanner.symbols import Contract
from tests.reference.shared_data import shared_path

NOW = datetime(2021, 5, 26, 16, 0, tzinfo=UTC)


def recorded(name: str) -> Any:
    return json.loads(shared_path(f"robinhood/{name}.json").read_text(encoding="utf-8"))


def listing_of(row: dict[str, Any]) -> Listing:
    """The chain a recorded contract names. The chains themselves were not recorded."""
    day = date.fromisoformat(row["expiration_date"])
    return Listing(row["chain_id"], row["chain_symbol"], row["chain_symbol"], (day,), 100, False)


def contract_of(row: dict[str, Any]) -> ListedContract:
    return read_contract(row, listing_of(row), date.fromisoformat(row["expiration_date"]))


def frame(listed: list[ListedContract], rows: list[Any]) -> pd.DataFrame:
    quoted, unreadable = quoted_contracts(listed, rows, until=NOW)
    assert unreadable == Counter()
    return schema.validate(chain_frame(quoted), schema.CHAIN)


def known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def test_a_page_of_contracts() -> None:
    page = recorded("instruments_page_PAYS_202007")
    rows, following = read_page(page, listing_of(page["results"][0]))
    assert (len(rows), following) == (len(page["results"]), None)
    found = [contract_of(row) for row in rows]
    assert [one.contract.strike for one in found] == [float(row["strike_price"]) for row in page["results"]]
    assert {one.contract.occ[:11] for one in found} <= {"PAYS200918C", "PAYS200918P"}
    assert len({one.contract for one in found}) == len(rows)


def test_a_single_contract() -> None:
    one = contract_of(recorded("instrument_MRO_20200610"))
    assert one.instrument_id == "7f7720a3-ccc1-45f4-b7be-37cb8ef69cbb"
    assert one.contract == Contract("MRO", date(2020, 6, 19), OptionType.CALL, 13.0)


@pytest.mark.parametrize("name", ["merged_MRO_20200611", "merged_ZEV_20210525"])
def test_a_contract_with_its_market_data(name: str) -> None:
    row = recorded(name)
    contract = frame([contract_of(row)], [row]).iloc[0]
    assert contract["strike"] == float(row["strike_price"])
    assert (known(contract["bid"]), known(contract["ask"])) == (0.0, float(row["ask_price"]))
    assert known(contract["last"]) == float(row["last_trade_price"])
    assert (contract["volume"], contract["open_interest"]) == (row["volume"], row["open_interest"])
    assert known(contract["vendor_iv"]) == float(row["implied_volatility"])
    assert contract["occ_symbol"] == row.get("occ_symbol", "MRO200619C00013000").replace(" ", "")
    assert contract["quote_time"] is not pd.NaT, "the listing's own updated_at stands in these merged rows"


@pytest.mark.parametrize(
    ("name", "instrument", "bid", "ask", "last", "interest"),
    [
        ("marketdata_options_MSFT_20210226", "f48cc8d3-cb4f-42bb-8c89-4f53ce43aebc", 2.22, 2.5, 2.32, 8717),
        ("marketdata_options_uuid_20200819", "473878af-9836-4295-a06f-85a92c9cf04f", 0.0, 0.05, 0.04, 652),
        ("marketdata_options_list_20180328", "bf3642cb-6c56-49bb-af15-f012f66b2af4", 0.0, 0.12, None, 0),
    ],
)
def test_market_data_of_three_years(
    name: str, instrument: str, bid: float, ask: float, last: float | None, interest: int
) -> None:
    """Without a time per quote before 2022, and without an instrument id before 2021."""
    body = recorded(name)
    rows = read_market_data(body if "results" in body else {"results": [body]})
    listed = ListedContract(instrument, Contract("MSFT", date(2021, 4, 16), OptionType.CALL, 255.0), 100, False)
    contract = frame([listed], rows).iloc[0]
    assert (known(contract["bid"]), known(contract["ask"]), known(contract["last"])) == (bid, ask, last)
    assert contract["open_interest"] == interest
    assert known(contract["vendor_iv"]) == float(rows[0]["implied_volatility"])
    assert contract["quote_time"] is pd.NaT
