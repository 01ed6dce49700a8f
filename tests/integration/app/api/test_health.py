from __future__ import annotations

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from app.api.main import create_app
from app.bootstrap import Services
from tests.integration.app.api.conftest import FLOW_STOCKS, IN_SESSION, STOCKS


def without_flow_scans(services: Services) -> TestClient:
    settings = services.settings.model_copy(update={"flow_scans": False})
    object.__setattr__(services, "settings", settings)
    return TestClient(create_app(lambda: services))


def figures(client: TestClient) -> dict[str, float]:
    return {
        sample.name.removeprefix("scanner_"): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
        if not sample.labels
    }


def test_without_data_the_service_lives_and_is_not_ready(client: TestClient) -> None:
    answer = client.get("/health/ready")
    assert client.get("/health").status_code == 200
    assert answer.status_code == 503
    found = answer.json()
    assert (found["decided_by"], found["reason"]) == ("flow", found["flow"]["reason"])
    assert "not stored yet" in found["reason"]


def test_where_flow_scans_are_on_their_data_decide(synced: Services, scanned: Services, client: TestClient) -> None:
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)
    assert answer.json()["flow"]["newest"] == IN_SESSION.isoformat().replace("+00:00", "Z")
    assert answer.json()["flow"]["age_seconds"] == 0
    assert answer.json()["quotes"]["ready"] is True


def test_fresh_quotes_of_a_sync_do_not_make_up_for_flow_scans_that_are_missing(
    synced: Services, client: TestClient
) -> None:
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["quotes"]["ready"]) == (503, True)


def test_where_flow_scans_are_off_quotes_decide(synced: Services) -> None:
    answer = without_flow_scans(synced).get("/health/ready")
    assert (answer.status_code, answer.json()["decided_by"]) == (200, "quotes")
    assert 0 <= answer.json()["quotes"]["age_seconds"] < 60
    assert answer.json()["flow"]["ready"] is False


def test_a_scan_that_reached_few_stocks_does_not_make_the_data_fit(services: Services, client: TestClient) -> None:
    run = services.flow_scans.begin_due()
    assert run is not None
    for count, symbol in enumerate(FLOW_STOCKS, start=1):
        services.flow_scans.run_symbol(run, symbol)
        assert client.get("/health/ready").status_code == (200 if count * 2 >= len(FLOW_STOCKS) else 503)


def test_figures_for_prometheus(synced: Services, scanned: Services, client: TestClient) -> None:
    found = figures(client)
    assert found["ready"] == found["flow_scans_on"] == 1
    assert found["stocks_with_data"] == len(STOCKS)
    assert found["flow_stocks"] == found["flow_stocks_with_data"] == found["flow_scan_stocks"] == len(FLOW_STOCKS)
    assert found["flow_scan_coverage"] == 1
    assert found["flow_age_seconds"] == found["flow_half_age_seconds"] == found["flow_scan_age_seconds"] == 0


def test_figures_that_are_unknown_are_left_out(client: TestClient) -> None:
    found = figures(client)
    assert found["ready"] == found["flow_stocks"] == 0
    assert not {"flow_age_seconds", "flow_scan_coverage", "newest_quote_age_seconds"} & set(found)
