"""What a user does with unusual flow: look, filter, share, read the reasons, export, follow a stock."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from itertools import dropwhile
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from app.connection import database_dsn
from app.settings import load_settings
from db import data_version
from scanner.schema import TOP_OPPORTUNITY
from tests.browser.conftest import PROJECT, Dashboard

pytestmark = pytest.mark.browser

SUMMARY = re.compile(r"([\d,]+) of ([\d,]+) opportunities")
SCORE = re.compile(r"Score (\d+) of 100, \w+: (\d+) whale \+ (\d+) fresh \+ (\d+) skew")
ROW_HEIGHT = 30


@pytest.fixture(scope="package")
def scanned(demo: Dashboard) -> Dashboard:
    """The demo after flow scans of two past sessions of a few stocks."""
    environment = os.environ | {
        "SCANNER_MODE": "simulated",
        "SCANNER_DATA_DIR": str(demo.data_dir),
        "SCANNER_FLOW_SYMBOLS": "AAPL,KO,META,NVDA,SPY,TSLA",
    }
    environment.pop("DATABASE_URL", None)
    subprocess.run(
        [sys.executable, "-m", "app.cli", "backfill-flow", "--mode", "simulated", "--sessions", "2"],
        cwd=PROJECT,
        env=environment,
        check=True,
        timeout=300,
    )
    return demo


@pytest.fixture
def without_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANNER_FLOW_SCANS", "false")


def table(tab: Page) -> Locator:
    return tab.get_by_role("region", name="Ranked opportunities, best score first")


def counts(tab: Page) -> list[int]:
    found = SUMMARY.search(tab.get_by_text(SUMMARY).first.inner_text())
    assert found
    return [int(group.replace(",", "")) for group in found.groups()]


def open_board(tab: Page, dashboard: Dashboard, query: str = "") -> None:
    tab.goto(f"{dashboard.url}/top_opportunities{query}")
    expect(tab.get_by_text(SUMMARY).first).to_be_visible()


def click_row(tab: Page, row: int) -> None:
    table(tab).click(position={"x": 200, "y": ROW_HEIGHT * row + ROW_HEIGHT / 2})


def test_the_best_opportunity_is_explained_and_its_stock_followed(scanned: Dashboard, tab: Page) -> None:
    open_board(tab, scanned)
    for words in ("SIMULATED MARKET", "Market sentiment", "Mean skew, points", "Volume carries no side"):
        expect(tab.get_by_text(words).first).to_be_visible()
    click_row(tab, 1)
    headline = tab.get_by_role("heading", name=re.compile(r"^[A-Z]+ [\d.,]+ (call|put), "))
    expect(headline).to_be_visible()
    symbol = headline.inner_text().split()[0]
    score = SCORE.search(tab.locator("body").inner_text())
    assert score
    whole, *parts = map(int, score.groups())
    assert whole == sum(parts)
    for words in ("of 35 for whale flow", "of 35 for fresh open interest", "of 30 for skew"):
        expect(tab.get_by_text(words)).to_be_visible()
    tab.get_by_role("link", name=f"Flow of {symbol}").click()
    expect(tab).to_have_url(re.compile(f"/flow.*flow_symbol={symbol}"))
    expect(tab.get_by_text("Open interest by strike")).to_be_visible()
    expect(tab.locator(".js-plotly-plot")).to_have_count(3)


def test_choice_and_scroll_survive_a_refresh(scanned: Dashboard, tab: Page) -> None:
    tab.set_viewport_size({"width": 1440, "height": 500})
    open_board(tab, scanned)
    click_row(tab, 2)
    headline = tab.get_by_role("heading", name=re.compile(r"^[A-Z]+ [\d.,]+ (call|put), "))
    expect(headline).to_be_visible()
    chosen = headline.inner_text()
    main = tab.get_by_test_id("stMain")
    main.evaluate("element => element.scrollTo(0, 300)")
    settings = load_settings(mode="simulated", data_dir=scanned.data_dir)
    with psycopg.connect(database_dsn(settings)) as connection:
        data_version.advance(connection)
    tab.wait_for_timeout(22_000)
    expect(headline).to_have_text(chosen)
    assert main.evaluate("element => element.scrollTop") == 300


def test_a_shared_link_keeps_the_filters_and_the_csv_says_so(
    scanned: Dashboard, tab: Page, window: BrowserContext, tmp_path: Path
) -> None:
    open_board(tab, scanned)
    shown, total = counts(tab)
    assert shown == total > 1
    tab.get_by_text("Puts", exact=True).click()
    expect(tab).to_have_url(re.compile("opp_side=Puts"))
    expect(tab.get_by_text(SUMMARY).first).not_to_contain_text(f"{shown} of {total}")
    puts, still = counts(tab)
    assert 0 < puts < shown
    assert still == total

    second = window.new_page()
    second.goto(tab.url)
    expect(second.get_by_text(SUMMARY).first).to_contain_text(f"{puts} of {total}")
    with second.expect_download() as download:
        second.get_by_role("button", name="Download CSV").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name.startswith("opportunities-simulated-")
    lines = file.read_text(encoding="utf-8").splitlines()
    assert any("option_type=put" in line for line in lines if line.startswith("# filters"))
    rows = list(csv.DictReader(dropwhile(lambda line: line.startswith("#"), lines)))
    assert list(rows[0]) == TOP_OPPORTUNITY.names
    assert {row["option_type"] for row in rows} == {"put"}
    assert len(rows) == puts
    assert {(row["mode"], row["source"]) for row in rows} == {("simulated", "simulated")}


def test_a_stock_and_an_expiration_are_in_the_address(scanned: Dashboard, tab: Page) -> None:
    tab.goto(f"{scanned.url}/flow?flow_symbol=SPY")
    expect(tab.get_by_text("Net GEX by strike (naive sign convention)")).to_be_visible()
    tab.get_by_role("combobox", name="Expiration").click()
    tab.get_by_role("option").nth(1).click()
    expect(tab).to_have_url(re.compile(r"flow_expiration=\d{4}-\d{2}-\d{2}"))
    drawn = re.compile(r"\d+ of \d+ contracts are drawn")
    expect(tab.get_by_text(drawn)).to_be_visible()
    second = tab.context.new_page()
    second.goto(tab.url)
    expect(second.get_by_text(drawn)).to_have_text(tab.get_by_text(drawn).inner_text())


def test_a_link_to_what_is_not_there_shows_something_that_is(scanned: Dashboard, tab: Page) -> None:
    tab.goto(f"{scanned.url}/flow?flow_symbol=NOSUCH&flow_expiration=1999-01-01")
    expect(tab.get_by_text("Symbol NOSUCH is not in the newest scan.")).to_be_visible()
    expect(tab.get_by_text("Expiration 1999-01-01 is not in the newest scan.")).to_be_visible()
    expect(tab.get_by_text("Open interest by strike")).to_be_visible()
    open_board(tab, scanned, "?opp_expirations=1999-01-01&opp_score=abc&opp_signal=WIN")
    expect(tab.get_by_text("No opportunity passes these filters")).to_be_visible()


@pytest.mark.usefixtures("without_schedule")
def test_before_the_first_scan_pages_say_what_to_do(empty_dashboard: Dashboard, tab: Page) -> None:
    for page in ("top_opportunities", "flow"):
        tab.goto(f"{empty_dashboard.url}/{page}")
        expect(tab.get_by_text("No flow scan yet")).to_be_visible()
        expect(tab.get_by_text("python -m app.cli backfill-flow")).to_be_visible()
