"""What flow scans stored, table by table and view by view, against a second computation from the stored chains."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.services.flow_scan import FlowScanService
from app.services.priced_chains import PricingInputs
from db import snapshots
from db.engine import Database
from db.run_kinds import FLOW
from scanner.calendar import market_date
from scanner.premium_facts import premium_facts
from tests.integration.app.conftest import FLOW_SYMBOLS, SettableClock
from tests.integration.app.test_flow_scan import contracts_by_expiration, do_scan
from tests.reference import signals as reference
from tests.reference.signals import Contract

SLOT = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
SLOTS = (SLOT, SLOT + timedelta(minutes=15))
NEAREST_DTE = 5


@dataclass(frozen=True)
class Expiration:
    """The contracts of one expiration at one scan, with its forward and the years it has left."""

    symbol: str
    day: date
    slot: datetime
    forward: float
    years: float
    by_code: dict[str, Contract]

    @property
    def contracts(self) -> list[Contract]:
        return list(self.by_code.values())

    @property
    def key(self) -> tuple[datetime, str, date]:
        return self.slot, self.symbol, self.day

    @property
    def wings(self) -> reference.Wings:
        return reference.wings(self.contracts, self.forward)

    @property
    def skew(self) -> float | None:
        return reference.points_between(self.wings.put, self.wings.call)


@pytest.fixture
def expirations(
    flow_scans: FlowScanService, clock: SettableClock, database: Database, inputs: PricingInputs
) -> list[Expiration]:
    """Two scans are made; then only the chains they stored are read."""
    for slot in SLOTS:
        clock.now = slot
        do_scan(flow_scans)
    return [one for slot in SLOTS for symbol in FLOW_SYMBOLS for one in _stored(database, inputs, symbol, slot)]


def _stored(database: Database, inputs: PricingInputs, symbol: str, slot: datetime) -> Iterator[Expiration]:
    with database.connection() as connection:
        chain = snapshots.latest(connection, symbol, as_of=slot, kind=FLOW)
    assert chain is not None
    facts = premium_facts(chain, calendar=inputs.calendar, rates=inputs.rates)
    for expiration, by_code in contracts_by_expiration(chain, inputs).items():
        rows = facts[facts["expiration"] == expiration]
        yield Expiration(
            symbol, expiration.date(), slot, rows["forward"].iloc[0], rows["years_to_expiry"].iloc[0], by_code
        )


def read(database: Database, query: str) -> list[dict[str, Any]]:
    with database.connection() as connection:
        cursor = connection.execute(query)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def near(stored: object, expected: float | None) -> bool:
    """Unknown is stored as null, and nothing else is."""
    if stored is None or expected is None:
        return stored is None and expected is None
    return bool(stored == pytest.approx(expected, rel=1e-9, abs=1e-9))


def test_skew_metrics_are_sums_walls_and_volatilities_of_the_stored_chains(
    expirations: list[Expiration], database: Database
) -> None:
    stored = {
        (row["timestamp"], row["symbol"], row["expiration"]): row
        for row in read(database, "select * from skew_metrics")
    }
    assert stored.keys() == {one.key for one in expirations}
    for one in expirations:
        row, contracts, wings = stored[one.key], one.contracts, one.wings
        sums = {
            f"{side}_{name}": reference.total(contracts, side, field)
            for side in ("call", "put")
            for name, field in (("volume", "volume"), ("open_interest", "interest"))
        }
        spot = contracts[0].spot
        assert spot is not None
        move = reference.straddle(contracts, one.forward)
        width = None if wings.middle is None else wings.middle * math.sqrt(one.years)
        expected = {
            "spot": spot,
            "forward": one.forward,
            "iv_25d_put": wings.put,
            "iv_25d_call": wings.call,
            "atm_iv": wings.middle,
            "skew_25d": one.skew,
            "put_skew": reference.points_between(wings.put, wings.middle),
            "call_skew": reference.points_between(wings.call, wings.middle),
            "skew_25d_norm": None if one.skew is None or not wings.middle else one.skew / wings.middle,
            "expected_move_usd": move,
            "expected_move_pct": None if move is None else move / spot * 100,
            "upper_1sd": None if width is None else spot * math.exp(width),
            "lower_1sd": None if width is None else spot * math.exp(-width),
            **sums,
            "put_call_vol_ratio": reference.ratio(sums["put_volume"], sums["call_volume"]),
            "put_call_oi_ratio": reference.ratio(sums["put_open_interest"], sums["call_open_interest"]),
            "vol_ratio": reference.volume_ratio(contracts),
            "call_wall": reference.wall(contracts, "call"),
            "put_wall": reference.wall(contracts, "put"),
            "call_volume_wall": reference.wall(contracts, "call", volume=True),
            "put_volume_wall": reference.wall(contracts, "put", volume=True),
            "net_gex": reference.net_gex(contracts),
            "contracts": float(len(contracts)),
            "clean_contracts": float(sum(contract.clean for contract in contracts)),
        }
        wrong = {name: (row[name], value) for name, value in expected.items() if not near(row[name], value)}
        assert wrong == {}, one.key
    assert any(row["skew_25d"] is not None for row in stored.values())


def test_flow_tables_hold_the_contracts_the_definitions_choose_and_no_other(
    expirations: list[Expiration], database: Database
) -> None:
    whale, fresh = {}, {}
    for one in expirations:
        for code, contract in one.by_code.items():
            score, ratio = reference.whale_exact(contract), reference.vol_oi_ratio(contract)
            if score is not None and score >= 50:
                whale[one.slot, code] = (score, ratio)
            if (contract.volume or 0) >= 100:
                exact = reference.oi_exact(contract)
                if exact is not None or (contract.interest == 0 and contract.spot and reference.near(contract, 10)):
                    fresh[one.slot, code] = exact
    stored = {(row["timestamp"], row["occ_symbol"]): row for row in read(database, "select * from whale_flows")}
    assert stored.keys() == whale.keys()
    for key, (score, ratio) in whale.items():
        row = stored[key]
        assert near(row["whale_exact"], score)
        assert near(row["vol_oi_ratio"], ratio)
        assert abs(row["whale_score"] - score) <= 0.5 + 1e-9 * score
        assert near(row["valr"] * row["vol_oi_ratio"] * row["dollar_ratio"] * 1000, score)
    stored = {(row["timestamp"], row["occ_symbol"]): row for row in read(database, "select * from oi_flows")}
    assert {key for key, row in stored.items() if row["flags"] != "new_strike"} == {
        key for key, exact in fresh.items() if exact is not None
    }
    assert {key for key, row in stored.items() if row["flags"] == "new_strike"} <= {
        key for key, exact in fresh.items() if exact is None
    }
    for key, row in stored.items():
        if (exact := fresh[key]) is None:
            assert row["oi_score"] is None
        else:
            assert abs(row["oi_score"] - exact) <= 0.5 + 1e-9 * exact


def test_opportunities_and_their_view(expirations: list[Expiration], database: Database) -> None:
    expected = {
        (one.slot, code): (one, contract)
        for one in expirations
        for code, contract in one.by_code.items()
        if reference.is_opportunity(contract)
    }
    stored = {(row["timestamp"], row["occ_symbol"]): row for row in read(database, "select * from opportunities")}
    view = {(row["timestamp"], row["occ_symbol"]): row for row in read(database, "select * from top_opportunities")}
    assert stored.keys() == expected.keys()
    assert view.keys() == {key for key in expected if key[0] == SLOTS[-1]}
    for key, (one, contract) in expected.items():
        parts = reference.points(contract, one.skew)
        signal = reference.signal(contract.side, one.skew, reference.volume_ratio(one.contracts))
        for row in (stored[key], *([view[key]] if key in view else [])):
            assert (row["whale_points"], row["fresh_points"], row["skew_points"]) == parts
            assert row["composite_score"] == sum(parts)
            assert row["signal_type"] == signal
            assert near(row["skew_25d"], one.skew)
            assert near(row["vol_ratio"], reference.volume_ratio(one.contracts))
        if key in view:
            row = view[key]
            assert near(row["underlying_price"], contract.spot)
            assert near(row["call_wall"], reference.wall(one.contracts, "call"))
            assert near(row["put_wall"], reference.wall(one.contracts, "put"))
            assert near(row["implied_move_usd"], reference.straddle(one.contracts, one.forward))
            puts, calls = (reference.total(one.contracts, side, "interest") for side in ("put", "call"))
            assert near(row["put_call_oi_ratio"], reference.ratio(puts, calls))


def test_sentiment_is_of_the_nearest_expiration_from_five_days_on(
    expirations: list[Expiration], database: Database
) -> None:
    for slot in SLOTS:
        skews = []
        for symbol in FLOW_SYMBOLS:
            own = [one for one in expirations if one.slot == slot and one.symbol == symbol]
            coming = [one for one in own if (one.day - market_date(slot)).days >= NEAREST_DTE]
            skews.append(min(coming, key=lambda one: one.day).skew)
        known = [skew for skew in skews if skew is not None]
        (row,) = read(database, f"select * from market_moods where timestamp = '{slot.isoformat()}'")
        mean = statistics.mean(known) if known else None
        assert near(row["avg_skew"], mean)
        assert near(row["stddev"], statistics.stdev(known) if len(known) > 1 else None)
        assert (row["n"], row["without_skew"]) == (len(known), len(skews) - len(known))
        assert row["market_sentiment"] == reference.sentiment(mean)
    (latest,) = read(database, "SELECT * FROM market_sentiment;")
    assert latest["timestamp"] == SLOTS[-1]
    assert {name: row[name] for name in ("market_sentiment", "avg_skew", "n")} == {
        name: latest[name] for name in ("market_sentiment", "avg_skew", "n")
    }


def test_the_history_of_skew_has_the_change_since_the_scan_before(
    expirations: list[Expiration], database: Database
) -> None:
    stored = {
        (row["timestamp"], row["symbol"], row["expiration"]): row
        for row in read(database, "select * from stock_skew_history")
    }
    by_key = {one.key: one for one in expirations}
    assert stored.keys() == by_key.keys()
    for (slot, symbol, day), row in stored.items():
        before = by_key.get((SLOTS[0], symbol, day)) if slot == SLOTS[1] else None
        now = by_key[slot, symbol, day]
        assert row["previous_timestamp"] == (before.slot if before else None)
        change = None if before is None or None in (now.skew, before.skew) else now.skew - before.skew  # type: ignore[operator]
        assert near(row["skew_change"], change)


def test_the_performance_of_scans_counts_what_was_stored(expirations: list[Expiration], database: Database) -> None:
    rows = {row["timestamp"]: row for row in read(database, "select * from scan_performance")}
    for slot in SLOTS:
        standard = sum(len(one.by_code) for one in expirations if one.slot == slot)
        assert (rows[slot]["state"], rows[slot]["total"], rows[slot]["succeeded"]) == ("finished", 4, 4)
        assert rows[slot]["contracts"] >= standard
    (latest,) = read(database, "select * from latest_scan")
    assert (latest["timestamp"], latest["succeeded"], latest["contracts"]) == (SLOTS[1], 4, rows[SLOTS[1]]["contracts"])
