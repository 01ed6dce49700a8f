"""What a user does: look, filter, share, click a row, export, sync."""

from __future__ import annotations

import csv
import re
from itertools import dropwhile
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from app.connection import database_dsn
from app.settings import load_settings
from scanner.schema import SCAN
from tests.browser.conftest import Dashboard
from tests.patience import wait_for

pytestmark = pytest.mark.browser

SUMMARY = re.compile(r"([\d,]+) rows of ([\d,]+) that passed, ([\d,]+) contracts fetched")
ACCOUNT = re.compile(r"([\d,]+) fetched = ([\d,]+) passed \+ ([\d,]+) rejected")


def numbers(pattern: re.Pattern[str], text: str) -> list[int]:
    found = pattern.search(text)
    assert found, f"{pattern.pattern!r} is not in {text!r}"
    return [int(group.replace(",", "")) for group in found.groups()]


def summary(tab: Page) -> Locator:
    return tab.get_by_text(SUMMARY)


def table(tab: Page) -> Locator:
    return tab.get_by_role("region", name="Ranked contracts, best monthly return first")


def open_scanner(tab: Page, dashboard: Dashboard, query: str = "") -> None:
    tab.goto(f"{dashboard.url}/premium_scanner{query}")
    expect(summary(tab)).to_be_visible()


def cell(tab: Page, row: int, column: int) -> str | None:
    """Text of a cell, both counted from 1, out of the copy of the table that assistive technologies read."""
    return table(tab).locator(f"[aria-rowindex='{row + 1}'] [aria-colindex='{column}']").text_content()


def click_row(tab: Page, row: int) -> None:
    height = 30
    table(tab).click(position={"x": 200, "y": height * row + height / 2})


def test_from_the_first_page_to_a_csv_that_explains_itself(demo: Dashboard, tab: Page, tmp_path: Path) -> None:
    tab.goto(demo.url)
    expect(tab.get_by_text("SIMULATED MARKET").first).to_be_visible()
    expect(tab.get_by_text("Best puts at 28-35 days")).to_be_visible()
    tab.get_by_role("link", name="Premium Scanner").first.click()
    shown, passed, fetched = numbers(SUMMARY, summary(tab).inner_text())
    assert 0 < shown <= passed < fetched
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Download CSV").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    lines = file.read_text(encoding="utf-8").splitlines()
    header = [line for line in lines if line.startswith("#")]
    assert file.name.startswith("premiums-simulated-")
    assert "# mode: simulated" in header
    assert any(line.startswith("# oldest quote: ") for line in header)
    rows = list(csv.DictReader(dropwhile(lambda line: line.startswith("#"), lines)))
    assert set(rows[0]) == {*SCAN.names, "mode"}
    assert len(rows) == shown


def test_a_shared_link_reproduces_the_scan_for_another_user(demo: Dashboard, tab: Page, window: BrowserContext) -> None:
    open_scanner(tab, demo)
    before = numbers(SUMMARY, summary(tab).inner_text())
    tab.get_by_text("Covered call", exact=True).click()
    tab.get_by_text("Liquidity, price, spread, earnings and grade").click()
    tab.get_by_role("spinbutton", name="Max stock price, $").fill("300")
    tab.get_by_role("spinbutton", name="Max stock price, $").press("Tab")
    assert numbers(SUMMARY, summary(tab).inner_text()) == before, "filters must wait for Apply"
    tab.get_by_role("button", name="Apply").click()
    expect(tab).to_have_url(re.compile("scan_price=300"))
    expect(table(tab).locator("th", has_text="Side")).to_be_attached()
    after = numbers(SUMMARY, summary(tab).inner_text())
    assert after != before

    browser = window.browser
    assert browser is not None
    with browser.new_context() as other:
        second = other.new_page()
        open_scanner(second, demo, tab.url.partition("premium_scanner")[2])
        assert numbers(SUMMARY, summary(second).inner_text()) == after
        second.get_by_text("Liquidity, price, spread, earnings and grade").click()
        expect(second.get_by_role("spinbutton", name="Max stock price, $")).to_have_value("300.00")


def test_a_click_on_a_row_opens_its_contract_and_survives_a_refresh(demo: Dashboard, tab: Page) -> None:
    open_scanner(tab, demo)
    ticker = cell(tab, row=2, column=1)
    click_row(tab, row=2)
    headline = tab.get_by_role("heading", name=re.compile(rf"{ticker} [\d.,]+ put"))
    expect(headline).to_be_visible()
    for title in ("Profit at expiration", "Implied volatility of this expiration", "Why grade"):
        expect(tab.get_by_text(title).first).to_be_visible()
    expect(tab.locator(".js-plotly-plot")).to_have_count(3)
    chosen = headline.inner_text()
    tab.get_by_role("button", name=f"Refresh {ticker}").click()
    expect(tab.get_by_text(re.compile("Last sync finished .* 1 of 1 symbols stored"))).to_be_visible()
    expect(tab.get_by_role("heading", name=chosen)).to_be_visible()


@pytest.mark.parametrize("path", ["premium_scanner", "database_scan?db_tab=Scan+Premiums"])
def test_the_account_of_every_contract_adds_up(demo: Dashboard, tab: Page, path: str) -> None:
    tab.goto(f"{demo.url}/{path}")
    fetched, passed, rejected = numbers(ACCOUNT, tab.get_by_text(ACCOUNT).inner_text())
    assert fetched == passed + rejected
    assert fetched > passed > 0


def test_an_empty_database_says_what_to_do_and_a_double_click_starts_one_sync(
    empty_dashboard: Dashboard, tab: Page
) -> None:
    tab.goto(f"{empty_dashboard.url}/premium_scanner")
    expect(tab.get_by_text("SIMULATED MARKET").first).to_be_visible()
    wait_until(empty_dashboard, "select count(*) > 0 from stocks")
    tab.get_by_role("link", name="Home", exact=True).click()
    expect(tab.get_by_text("Start here")).to_be_visible()
    expect(tab.get_by_text("Press Sync All")).to_be_visible()
    tab.get_by_role("button", name="Sync All").dblclick()
    expect(tab.get_by_text("Last sync finished")).to_be_visible()
    expect(tab.get_by_text("Best puts at 28-35 days")).to_be_visible()
    assert asked(empty_dashboard, "select count(*) from scan_runs where kind = 'sync'") == 1


def asked(dashboard: Dashboard, query: LiteralString) -> Any:
    settings = load_settings(mode="simulated", data_dir=dashboard.data_dir)
    with psycopg.connect(database_dsn(settings)) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def wait_until(dashboard: Dashboard, query: LiteralString) -> None:
    wait_for(lambda: bool(asked(dashboard, query)), query)
