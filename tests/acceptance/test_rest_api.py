"""The client code of the documentation, as its users write it, against the API in processes of its own."""

from __future__ import annotations

import math
import re
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import requests

from app.bootstrap import build, wall_clock
from app.settings import load_settings
from db import flow_runs, stocks
from scanner.calendar import SCAN_EVERY
from scanner.model import Mode
from tests.acceptance.program import ROOT, Program, free_port
from tests.patience import PATIENCE_SECONDS, wait_for

STOCKS = ("AAPL", "NVDA", "SPY", "TSLA")


def fill(dsn: str, until: datetime) -> None:
    """Two flow scans and syncs of the last half hour, whatever the day: a client asks for the last 24 hours."""
    settings = load_settings(mode=Mode.SIMULATED, DATABASE_URL=dsn, flow_symbols=STOCKS)
    for at in (until - SCAN_EVERY, until):
        services = build(settings, clock=partial(datetime.fromtimestamp, at.timestamp(), UTC))
        with services.database.connection() as connection:
            stocks.add(connection, STOCKS, now=at)
            run = flow_runs.begin(connection, at, STOCKS, services.flow_scans.settings, now=at)
        assert run is not None
        synced = services.sync.start(STOCKS)
        for symbol in STOCKS:
            services.flow_scans.run_symbol(run, symbol)
            services.sync.run_symbol(synced, symbol)
        services.close()


@pytest.fixture
def api_url(database_dsn: str, tmp_path: Path) -> Iterator[str]:
    now = wall_clock()
    fill(database_dsn, now - timedelta(minutes=now.minute % 15, seconds=now.second, microseconds=now.microsecond))
    port = free_port()
    variables = {"DATABASE_URL": database_dsn, "SCANNER_API_PORT": str(port), "SCANNER_API_WORKERS": "2"}
    program = Program(tmp_path, free_port(), variables=variables)
    address = f"http://127.0.0.1:{port}"

    def lives() -> bool:
        try:
            return bool(urllib.request.urlopen(f"{address}/health", timeout=2).status == 200)
        except OSError:
            return False

    with program.running("api", output=tmp_path / "api.log") as process:
        wait_for(lambda: lives() or process.poll() is not None, what="the start of the API")
        assert process.poll() is None, (tmp_path / "api.log").read_text()
        yield address
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def test_the_client_code_works_unchanged(api_url: str) -> None:
    API_URL = api_url  # noqa: N806 as clients write it

    response = requests.get(f"{API_URL}/api/top-opportunities?limit=50")
    df = pd.DataFrame(response.json())
    best = df[["symbol", "composite_score", "signal_type", "whale_score", "vol_oi_ratio", "skew_25d"]]
    assert isinstance(response.json(), list)
    assert not best.empty, "how many there are depends on the hour at which this runs"
    assert set(best["symbol"]) <= set(STOCKS)
    assert best["composite_score"].between(0, 100).all()
    assert (best["whale_score"] >= 50).all()

    sentiment = requests.get(f"{API_URL}/api/market-sentiment").json()
    assert sentiment["market_sentiment"] in ("EXTREME_FEAR", "ELEVATED_FEAR", "NEUTRAL", "BULLISH", "EUPHORIA")
    assert math.isfinite(sentiment["avg_skew"])
    assert (sentiment["n"], sentiment["mode"]) == (len(STOCKS), "simulated")

    history = pd.DataFrame(requests.get(f"{API_URL}/api/historical/NVDA?hours=24").json())
    assert pd.to_datetime(history["timestamp"]).nunique() == 2
    assert history["skew_25d"].notna().any()


def test_the_examples_of_the_documentation_run(api_url: str) -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    blocks = [
        block for block in re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL) if "requests.get" in block
    ]
    assert len(blocks) == 2
    for block in blocks:
        names: dict[str, object] = {}
        exec(block.replace("http://127.0.0.1:8000", api_url), names)
        if isinstance(every := names.get("every"), list):
            listed = requests.get(f"{api_url}/api/top-opportunities").json()
            assert [row["occ_symbol"] for row in every] == [row["occ_symbol"] for row in listed]
