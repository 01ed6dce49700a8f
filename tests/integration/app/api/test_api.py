from __future__ import annotations

import csv
import io
import math
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from app import VERSION
from app.api.main import create_app
from app.bootstrap import Services
from app.services.api_keys import ApiScope
from scanner.model import PremiumFilters
from scanner.schema import SCAN
from tests.integration.app.api.conftest import IN_SESSION, pages, rows


def test_the_first_page_says_what_this_is_and_its_links_lead_somewhere(client: TestClient) -> None:
    found = rows(client, "/")
    assert (found["name"], found["version"], found["mode"]) == ("options scanner", VERSION, "simulated")
    documented = set(client.get(found["links"]["openapi"]).json()["paths"])
    own = {found["links"].pop(name) for name in ("documentation", "openapi")}
    assert set(found["links"].values()) == documented - {"/"}
    assert {client.get(link).status_code for link in own} == {200}
    assert rows(client, "/health") == {"status": "ok", "mode": "simulated"}


def test_premiums_are_the_rows_of_the_database_scan(synced: Services, client: TestClient) -> None:
    found = rows(client, "/api/premiums", limit=20)
    filters = PremiumFilters(delta_min=0.25, delta_max=0.40)
    expected = synced.premiums.database_scan(filters, limit=20).rows
    assert [row["occ_symbol"] for row in found] == list(expected["occ_symbol"])
    assert set(found[0]) == {*SCAN.names, "mode"}
    for row, (_, stored) in zip(found, expected.iterrows(), strict=True):
        assert row["mode"] == "simulated"
        assert row["expiration"] == stored["expiration"].date().isoformat()
        for name in ("monthly_return", "quote_age_seconds", "vendor_iv", "last"):
            assert row[name] is None if math.isnan(stored[name]) else row[name] == stored[name]


def test_premiums_of_chosen_symbols(synced: Services, client: TestClient) -> None:
    found = rows(client, "/api/premiums", symbols="ko, aapl", dte=[30, 45], delta_min=0.1, delta_max=0.5)
    assert {row["symbol"] for row in found} == {"KO", "AAPL"}


@pytest.mark.parametrize(
    "query", ["", "&basis=fill&fill=0.3", "&best_per_expiration=false&dte_min=0", "&symbols=KO,CRM,UNH"]
)
def test_premiums_come_in_pages(synced: Services, client: TestClient, query: str) -> None:
    address = f"/api/premiums?delta_min=0.05&delta_max=0.6&strategy=cash_secured_put&strategy=covered_call{query}"
    every = [row["occ_symbol"] for row in rows(client, f"{address}&limit=1000")]
    assert 20 < len(every) < 1000
    size = len(every) // 4
    assert [row["occ_symbol"] for row in pages(client, f"{address}&limit={size}")] == every


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("limit=0", "limit"),
        ("limit=5000", "limit"),
        ("delta_min=0.5&delta_max=0.2", "delta range"),
        ("basis=fill", "fill fraction"),
        ("dte=31", "target DTE"),
        ("min_grade=Z", "min_grade"),
        ("symbols=not a symbol", "symbol"),
        ("symbols=KO%00", "symbol"),
        ("min_premiumpct=1", "min_premium_pct is"),
        ("after=KO", "Link header"),
        ("delta_min=nan", "delta_min"),
        ("max_stock_price=inf", "max_stock_price"),
        ("volume_min=1" + "0" * 400, "volume_min"),
    ],
)
def test_what_cannot_be_asked_is_a_problem(client: TestClient, query: str, said: str) -> None:
    answer = client.get(f"/api/premiums?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]


def test_the_same_rows_as_csv(synced: Services, client: TestClient) -> None:
    answer = client.get("/api/premiums?limit=5", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    table = list(csv.DictReader(io.StringIO(answer.text)))
    found = rows(client, "/api/premiums", limit=5)
    assert [row["occ_symbol"] for row in table] == [row["occ_symbol"] for row in found]
    assert list(table[0]) == [*SCAN.names, "mode"]


def test_an_unchanged_answer_comes_without_its_body(synced: Services, client: TestClient) -> None:
    first = client.get("/api/premiums?limit=5")
    again = client.get("/api/premiums?limit=5", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get("/api/premiums?limit=4", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


def test_answers_are_compressed_for_who_takes_that(synced: Services, client: TestClient) -> None:
    packed = client.get("/api/premiums?limit=5", headers={"Accept-Encoding": "gzip"})
    plain = client.get("/api/premiums?limit=5", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()


def test_symbols_come_in_pages(services: Services, client: TestClient) -> None:
    services.stocks.seed()
    names = [row["symbol"] for row in pages(client, "/api/symbols?limit=5")]
    assert names == list(services.stocks.symbols())
    assert "link" not in client.get("/api/symbols").headers


def test_the_seconds_of_the_ages_do_not_change_an_etag(
    services: Services, synced: Services, client: TestClient
) -> None:
    first = client.get("/api/premiums?limit=5")
    object.__setattr__(services.premiums, "_clock", lambda: IN_SESSION + timedelta(seconds=3))
    later = client.get("/api/premiums?limit=5&best_per_expiration=true")
    assert later.json()[0]["quote_age_seconds"] == pytest.approx(first.json()[0]["quote_age_seconds"] + 3)
    assert later.headers["etag"] == first.headers["etag"]


def test_expiries_are_those_to_come(synced: Services, client: TestClient) -> None:
    found = rows(client, "/api/expiries")
    assert found == sorted(found, key=lambda row: row["expiry"])
    assert all(row["dte"] >= 0 for row in found)


def test_a_sync_is_started_and_followed(client: TestClient) -> None:
    assert rows(client, "/api/sync/status") == {"state": "none", "mode": "simulated"}
    started = client.post("/api/sync", json={"symbols": ["KO"]})
    assert started.status_code == 202
    status = rows(client, "/api/sync/status")
    assert (status["run_id"], status["total"]) == (started.json()["run_id"], 1)
    assert status["mode"] == "simulated"
    joined = client.post("/api/sync", json={"symbols": ["PEP"]})
    assert joined.json() == started.json()


@pytest.mark.parametrize("body", [b"{", b'{"symbols": "KO"}', b'{"symbols": ["ZZ ZZ"]}', b'{"symbols": []}'])
def test_a_sync_that_cannot_be_read_is_a_problem(client: TestClient, body: bytes) -> None:
    answer = client.post("/api/sync", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_unknown_address_is_a_problem(client: TestClient) -> None:
    answer = client.get("/api/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "GET /" in answer.json()["detail"]


def test_a_method_that_is_not_possible_is_a_problem(client: TestClient) -> None:
    answer = client.delete("/api/premiums")
    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
    assert answer.headers["allow"] == "GET"
    assert "Use GET" in answer.json()["detail"]


@pytest.mark.parametrize("address", ["/api/symbols", "/health/ready"])
def test_a_database_that_is_away_is_a_problem_that_says_so(
    services: Services, client: TestClient, address: str
) -> None:
    services.database.close()
    answer = client.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert "database" in answer.json()["title"]


def test_a_fault_of_the_program_is_a_problem_without_its_details(
    services: Services, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.stocks, "symbols", lambda: 1 / 0)
    answer = client.get("/api/symbols")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "zero" not in answer.text


class TestKeys:
    @pytest.fixture
    def locked(self, services: Services) -> TestClient:
        settings = services.settings.model_copy(update={"api_keys": True})
        object.__setattr__(services, "settings", settings)
        return TestClient(create_app(lambda: services))

    def test_without_a_key_nothing_is_said(self, locked: TestClient) -> None:
        answer = locked.get("/api/premiums")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert locked.get("/health").status_code == 200

    def test_a_key_does_what_its_scope_says(self, services: Services, locked: TestClient) -> None:
        viewer = services.api_keys.create("reader", ApiScope.VIEWER)
        trader = services.api_keys.create("desk", ApiScope.TRADER)
        assert locked.get("/api/symbols", headers={"X-API-Key": viewer}).status_code == 200
        assert locked.get("/api/symbols", headers={"Authorization": f"Bearer {trader}"}).status_code == 200
        asked = {"symbols": ["KO"]}
        assert locked.post("/api/sync", json=asked, headers={"X-API-Key": viewer}).status_code == 403
        assert locked.post("/api/sync", json=asked, headers={"X-API-Key": trader}).status_code == 202

    def test_a_wrong_key_is_refused_even_where_none_is_needed(self, client: TestClient) -> None:
        assert client.get("/api/symbols", headers={"X-API-Key": "wrong"}).status_code == 401

    def test_an_answer_kept_for_one_key_is_not_given_to_another(self, services: Services, locked: TestClient) -> None:
        key = services.api_keys.create("reader", ApiScope.VIEWER)
        assert locked.get("/api/symbols", headers={"X-API-Key": key}).status_code == 200
        assert locked.get("/api/symbols", headers={"X-API-Key": "wrong"}).status_code == 401
        assert locked.get("/api/symbols").status_code == 401

    def test_only_the_hash_is_stored(self, services: Services) -> None:
        key = services.api_keys.create("reader", ApiScope.VIEWER)
        with services.database.connection() as connection:
            stored = connection.execute("select api_keys::text from api_keys").fetchall()
        assert key not in str(stored)
        assert services.api_keys.revoke("reader")
        assert not services.api_keys.revoke("reader")


def test_the_clock_of_the_test_is_in_session(services: Services) -> None:
    assert services.calendar.is_open(IN_SESSION)
