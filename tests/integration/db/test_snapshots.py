from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from db import snapshots
from scanner.errors import DatabaseError, SchemaError
from scanner.model import ChainSnapshot, Mode, SkippedSource, UnderlyingQuote
from scanner.schema import CHAIN
from tests.integration.db.conftest import NOW, Priced


def same(one: ChainSnapshot, other: ChainSnapshot) -> None:
    assert_frame_equal(one.contracts, other.contracts, check_exact=True)
    for field in dataclasses.fields(ChainSnapshot):
        if field.name != "contracts":
            assert getattr(one, field.name) == getattr(other, field.name)


@pytest.mark.parametrize("symbol", ["AAPL", "KO", "SPY", "TSLA", "NVDA"])
def test_a_simulated_chain_comes_back_whole(priced: Callable[..., Priced], symbol: str) -> None:
    snapshot = priced(symbol).snapshot
    same(snapshots.decode(snapshots.encode(snapshot), snapshots.SCHEMA_VERSION), snapshot)


def test_everything_unknown_stays_unknown() -> None:
    row = {
        "root": "ABC",
        "expiration": pd.Timestamp("2026-12-18"),
        "option_type": "put",
        "strike": 0.1 + 0.2,
        "occ_symbol": "ABC261218P00000300",
        "multiplier": 10,
        "adjusted": True,
    }
    frame = pd.DataFrame([row, row | {"strike": 1e-9, "bid": 5e-324, "quote_time": NOW}])
    contracts = CHAIN.empty().reindex([0, 1])
    for column in CHAIN.columns:
        if column.name in frame:
            contracts[column.name] = frame[column.name]
        contracts[column.name] = contracts[column.name].astype(column.dtype)  # type: ignore[call-overload]
    tokyo = timezone(timedelta(hours=9))
    snapshot = ChainSnapshot(
        symbol="ABC",
        source="file",
        mode=Mode.RECORDED,
        fetched_at=datetime(2026, 11, 18, 17, 0, 0, 123456, tzinfo=UTC),
        answer_time=None,
        underlying=UnderlyingQuote(
            bid=None, ask=0.1, last=1e300, last_time=datetime(2026, 11, 19, 2, tzinfo=tokyo), volume=7.0
        ),
        listed_expirations=(date(2026, 12, 18), date(2029, 1, 19)),
        contracts=contracts,
        unreadable={"no strike": 3, "Ünlesbar": 1},
        missing_expirations=(date(2029, 1, 19),),
        notes={"placeholder_iv": 7},
        skipped=(SkippedSource("robinhood", "SourceTimeoutError", "no answer within 5 s"),),
    )
    same(snapshots.decode(snapshots.encode(snapshot), snapshots.SCHEMA_VERSION), snapshot)


def test_a_chain_without_contracts_comes_back(priced: Callable[..., Priced]) -> None:
    snapshot = dataclasses.replace(priced("KO").snapshot, contracts=CHAIN.empty())
    same(snapshots.decode(snapshots.encode(snapshot), snapshots.SCHEMA_VERSION), snapshot)


def test_what_is_no_chain_is_refused(priced: Callable[..., Priced]) -> None:
    one = priced("KO")
    with pytest.raises(SchemaError):
        snapshots.encode(dataclasses.replace(one.snapshot, contracts=one.facts))


def test_a_format_of_a_newer_program_is_refused(priced: Callable[..., Priced]) -> None:
    body = snapshots.encode(priced("KO").snapshot)
    with pytest.raises(DatabaseError, match="Update the program"):
        snapshots.decode(body, snapshots.SCHEMA_VERSION + 1)


def test_a_hundred_contracts_take_a_few_kilobytes(priced: Callable[..., Priced]) -> None:
    snapshot = priced("AAPL").snapshot
    assert len(snapshots.encode(snapshot)) < 80 * len(snapshot.contracts)
