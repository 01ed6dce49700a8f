"""What the API says of flow scans, against the services it reads from."""

from __future__ import annotations

import csv
import io
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.api.board import FIELDS
from app.bootstrap import Services
from scanner.signals.composite import SignalType
from tests.integration.app.api.conftest import FLOW_STOCKS, IN_SESSION, pages, rows, scan

ISSUE_FIELDS = {
    *("symbol", "expiry", "strike", "type", "underlying_price", "composite_score", "signal_type", "whale_score"),
    *("vol_oi_ratio", "skew_25d", "implied_move_pct", "volume", "notional", "put_call_oi_ratio", "data_timestamp"),
    *("source", "mode", "quote_age_seconds", "call_wall", "put_wall", "upper_bound", "lower_bound"),
    *("whale_points", "fresh_points", "skew_points"),
}
PARTS = ("whale_points", "fresh_points", "skew_points")
SLOT = "2026-11-18T17:00:00Z"


def is_problem(answer: Any, status: int) -> str:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert answer.json()["status"] == status
    return str(answer.json()["detail"])


class TestTopOpportunities:
    def test_are_those_of_the_service_with_their_ages(self, scanned: Services, client: TestClient) -> None:
        found = rows(client, "/api/top-opportunities")
        stored = scanned.flow.opportunities()
        assert [row["occ_symbol"] for row in found] == list(stored["occ_symbol"])
        assert len(found) >= 3
        for row, (_, expected) in zip(found, stored.iterrows(), strict=True):
            assert set(row) >= ISSUE_FIELDS
            assert list(row) == [column.name for column in FIELDS]
            assert row["composite_score"] == expected["composite_score"] == sum(row[name] for name in PARTS)
            assert row["expiry"] == expected["expiration"].date().isoformat()
            assert (row["data_timestamp"], row["mode"], row["source"]) == (SLOT, "simulated", "simulated")
            assert row["type"] in ("call", "put")
            assert isinstance(row["whale_score"], int)
            for name in ("vol_oi_ratio", "implied_move_pct", "notional", "call_wall", "upper_bound", "strike"):
                assert row[name] == expected[name], name
            assert row["skew_25d"] is None if math.isnan(expected["skew_25d"]) else row["skew_25d"] is not None
            age = IN_SESSION - expected["quote_time"].to_pydatetime()
            assert row["quote_age_seconds"] == age.total_seconds()
            assert (row["age_is_minimum"], row["age_state"]) == (
                False,
                "fresh" if age <= timedelta(seconds=60) else "delayed",
            )

    def test_are_filtered(self, scanned: Services, client: TestClient) -> None:
        every = rows(client, "/api/top-opportunities")
        best = every[0]

        def same(query: str, condition: Any) -> None:
            assert rows(client, f"/api/top-opportunities?{query}") == [row for row in every if condition(row)]

        same(
            f"min_composite_score={best['composite_score']}",
            lambda row: row["composite_score"] >= best["composite_score"],
        )
        same(f"symbol={best['symbol'].lower()}", lambda row: row["symbol"] == best["symbol"])
        same(f"expiry={best['expiry']}", lambda row: row["expiry"] == best["expiry"])
        for kind in SignalType:
            same(f"signal_type={kind.value}", lambda row, kind=kind: row["signal_type"] == kind.value)
        same(
            "signal_type=MOMENTUM_BULL&signal_type=NEUTRAL",
            lambda row: row["signal_type"] in ("MOMENTUM_BULL", "NEUTRAL"),
        )
        same("symbol=NVDA&expiry=2031-01-01", lambda row: False)

    def test_come_in_pages(self, scanned: Services, client: TestClient) -> None:
        every = rows(client, "/api/top-opportunities")
        assert pages(client, "/api/top-opportunities?limit=1") == every
        assert len(rows(client, "/api/top-opportunities?limit=2")) == 2
        assert (
            "min_composite_score=1"
            in client.get("/api/top-opportunities?limit=1&min_composite_score=1").headers["link"]
        )

    def test_come_as_csv(self, scanned: Services, client: TestClient) -> None:
        answer = client.get("/api/top-opportunities", headers={"Accept": "text/csv"})
        assert answer.headers["content-type"].startswith("text/csv")
        table = list(csv.DictReader(io.StringIO(answer.text)))
        assert list(table[0]) == [column.name for column in FIELDS]
        found = rows(client, "/api/top-opportunities")
        assert [row["occ_symbol"] for row in table] == [row["occ_symbol"] for row in found]

    def test_before_the_first_scan_there_are_none(self, client: TestClient) -> None:
        assert rows(client, "/api/top-opportunities") == []
        text = client.get("/api/top-opportunities", headers={"Accept": "text/csv"}).text
        assert text.strip() == ",".join(column.name for column in FIELDS)

    def test_of_the_next_scan_are_seen_without_a_restart(self, services: Services, client: TestClient) -> None:
        assert rows(client, "/api/top-opportunities") == []
        scan(services)
        application: Any = client.app
        application.app.state.board._version = lambda: 10**6
        assert rows(client, "/api/top-opportunities?limit=199")

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=ten", "limit"),
            ("limit=" + "9" * 400, "limit"),
            ("min_composite_score=101", "min_composite_score"),
            ("min_composite_score=-1", "min_composite_score"),
            ("signal_type=BULL", "signal_type"),
            ("expiry=tomorrow", "2026-11-20"),
            ("expiry=20261120", "2026-11-20"),
            ("expiry=0", "2026-11-20"),
            ("expiry=2026-02-30", "expiry"),
            ("expiry=0001-01-01", "expiry"),
            ("symbol=NV DA", "not a symbol"),
            ("symbol=%00", "not a symbol"),
            ("symbol=%F0%9F%9A%80", "not a symbol"),
            ("symbol=%5ENOPE", "index"),
            ("after=nowhere", "Link header"),
            ("after=%00", "Link header"),
            ("min_composit_score=80", "min_composite_score is"),
            ("foo=1", "limit, min_composite_score"),
        ],
    )
    def test_what_cannot_be_asked_is_a_problem(self, client: TestClient, query: str, said: str) -> None:
        assert said in is_problem(client.get(f"/api/top-opportunities?{query}"), 422)


class TestMarketSentiment:
    def test_is_unknown_before_the_first_scan(self, client: TestClient) -> None:
        found = rows(client, "/api/market-sentiment")
        assert (found["market_sentiment"], found["avg_skew"], found["n"]) == ("UNKNOWN", None, 0)
        assert (found["timestamp"], found["mode"]) == (None, "simulated")

    def test_is_that_of_the_latest_scan(self, scanned: Services, client: TestClient) -> None:
        found, mood = rows(client, "/api/market-sentiment"), scanned.flow.market_sentiment()
        assert mood is not None
        assert (found["market_sentiment"], found["avg_skew"]) == (mood.market_sentiment, mood.avg_skew)
        assert (found["stddev"], found["n"], found["timestamp"]) == (mood.stddev, mood.n, SLOT)


class TestStock:
    def test_has_its_expirations_and_its_opportunities(self, scanned: Services, client: TestClient) -> None:
        every = rows(client, "/api/top-opportunities")
        symbol = every[0]["symbol"]
        found = rows(client, f"/api/stock/{symbol.lower()}")
        skew = scanned.flow.skew([symbol])
        assert (found["symbol"], found["mode"], found["timestamp"]) == (symbol, "simulated", SLOT)
        assert [row["expiry"] for row in found["expirations"]] == [day.date().isoformat() for day in skew["expiration"]]
        assert [row["call_wall"] for row in found["expirations"]] == list(skew["call_wall"])
        assert {row["age_state"] for row in found["expirations"]} <= {"fresh", "delayed", "stale"}
        assert found["opportunities"] == [row for row in every if row["symbol"] == symbol]
        assert found["opportunities_left_out"] == 0

    def test_of_one_expiration(self, scanned: Services, client: TestClient) -> None:
        expiries = [row["expiry"] for row in rows(client, "/api/stock/SPY")["expirations"]]
        found = rows(client, "/api/stock/SPY", expiry=expiries[-1])
        assert [row["expiry"] for row in found["expirations"]] == expiries[-1:]
        assert {row["expiry"] for row in found["opportunities"]} <= {expiries[-1]}
        said = is_problem(client.get("/api/stock/SPY?expiry=2031-01-01"), 404)
        assert all(expiry in said for expiry in expiries)

    def test_as_csv_is_its_expirations(self, scanned: Services, client: TestClient) -> None:
        answer = client.get("/api/stock/SPY", headers={"Accept": "text/csv"})
        table = list(csv.DictReader(io.StringIO(answer.text)))
        assert [row["expiry"] for row in table] == [
            row["expiry"] for row in rows(client, "/api/stock/SPY")["expirations"]
        ]

    @pytest.mark.parametrize("address", ["/api/stock", "/api/historical"])
    def test_that_is_not_there_is_said_with_what_to_do(self, client: TestClient, address: str) -> None:
        assert "page Settings" in is_problem(client.get(f"{address}/PEP"), 404)
        assert "/api/scan-status" in is_problem(client.get(f"{address}/SPY"), 404)

    @pytest.mark.parametrize("symbol", ["%00", "SPY%00", "a%20b", "TOOLONGNAME", "..%2F..", "%5EFOO", "💥"])
    @pytest.mark.parametrize("address", ["/api/stock", "/api/historical"])
    def test_with_an_odd_name_is_a_problem(self, client: TestClient, address: str, symbol: str) -> None:
        answer = client.get(f"{address}/{symbol}")
        is_problem(answer, 404 if "%2F" in symbol else 422)


class TestHistorical:
    def test_is_what_each_scan_found(self, services: Services, client: TestClient) -> None:
        now = IN_SESSION - timedelta(minutes=30)
        for service in (services.flow_scans, services.flow):
            object.__setattr__(service, "_clock", lambda: now)
        while now <= IN_SESSION:
            scan(services)
            now += timedelta(minutes=15)
        found = rows(client, "/api/historical/SPY", hours=24)
        times = sorted({row["timestamp"] for row in found})
        assert times == ["2026-11-18T16:30:00Z", "2026-11-18T16:45:00Z", SLOT]
        assert [row["timestamp"] for row in found] == sorted(row["timestamp"] for row in found)
        assert all(row["skew_change"] is None for row in found if row["timestamp"] == times[0])
        stored = services.flow.skew_history("SPY", since=IN_SESSION - timedelta(hours=24))
        assert [row["skew_25d"] for row in found] == [None if one != one else one for one in stored["skew_25d"]]
        expiry = found[0]["expiry"]
        assert {row["expiry"] for row in rows(client, "/api/historical/SPY", expiry=expiry)} == {expiry}

    def test_without_a_scan_in_the_time_asked_for_is_empty(self, scanned: Services, client: TestClient) -> None:
        object.__setattr__(scanned, "clock", lambda: IN_SESSION + timedelta(days=2))
        assert rows(client, "/api/historical/SPY", hours=24) == []
        assert rows(client, "/api/historical/SPY", hours=72)
        assert rows(client, "/api/historical/SPY", hours=72, expiry="2031-01-01") == []

    @pytest.mark.parametrize(
        "query", ["hours=0", "hours=169", "hours=x", "hours=" + "9" * 30, "expiry=never", "hour=24"]
    )
    def test_what_cannot_be_asked_is_a_problem(self, client: TestClient, query: str) -> None:
        is_problem(client.get(f"/api/historical/SPY?{query}"), 422)


class TestScanStatus:
    def test_says_how_the_scans_fare(self, scanned: Services, client: TestClient) -> None:
        found = rows(client, "/api/scan-status")
        count = len(FLOW_STOCKS)
        assert (found["coverage"], found["failures"]) == (f"{count} of {count}", [])
        assert (found["switched_on"], found["worker_alive"]) == (True, False)
        assert found["next_scan"] == "2026-11-18T17:15:00Z"
        (only,) = found["scans"]
        assert (only["timestamp"], only["state"], only["succeeded"], only["mode"]) == (
            SLOT,
            "finished",
            count,
            "simulated",
        )

    def test_before_the_first_scan(self, client: TestClient) -> None:
        found = rows(client, "/api/scan-status")
        assert (found["coverage"], found["scans"]) == ("no scan yet", [])

    def test_scans_come_in_pages_newest_first(self, services: Services, client: TestClient) -> None:
        now = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
        object.__setattr__(services.flow_scans, "_clock", lambda: now)
        for number in range(5):
            now = datetime(2026, 11, 18, 15, 0, tzinfo=UTC) + number * timedelta(minutes=15)
            services.flow_scans.begin_due()
        seen, following = [], "/api/scan-status?limit=2"
        while following:
            answer = client.get(following)
            seen += [row["timestamp"] for row in answer.json()["scans"]]
            following = answer.links.get("next", {}).get("url", "")
        assert seen == [f"2026-11-18T{time}:00Z" for time in ("16:00", "15:45", "15:30", "15:15", "15:00")]
        status = rows(client, "/api/scan-status")
        assert status["failures"] == []
        assert len(status["scans"]) == 5

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=501", "after=yesterday", "after=2026-11-18T17:00:00", "after=%00"]
    )
    def test_what_cannot_be_asked_is_a_problem(self, client: TestClient, query: str) -> None:
        is_problem(client.get(f"/api/scan-status?{query}"), 422)
