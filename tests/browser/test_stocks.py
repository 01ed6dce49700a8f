"""Stocks and universes: an index as a list, the list as the universe of every page; add, deactivate, delete; 5,000."""

from __future__ import annotations

import re

import psycopg
import pytest
from playwright.sync_api import Page, expect

from app.connection import database_dsn
from app.settings import load_settings
from tests.browser.conftest import Dashboard
from tests.browser.test_pages import summary, wait_until

pytestmark = pytest.mark.browser


def test_an_index_becomes_a_list_and_the_universe_of_every_page(demo: Dashboard, tab: Page) -> None:
    tab.goto(f"{demo.url}/database_scan?db_tab=Add+Stocks")
    tab.get_by_role("radio", name="Dow 30").click()
    expect(tab.get_by_text("30 symbols, from pytickersymbols, members as of 9 Mar 2026")).to_be_visible()
    tab.get_by_role("button", name="Make a watchlist of it").click()
    expect(tab.get_by_text("The watchlist Dow 30 is made")).to_be_visible()
    tab.goto(f"{demo.url}/database_scan?universe=Dow+30")
    expect(tab.get_by_role("heading", name="Everything stored of Dow 30")).to_be_visible()
    expect(tab.get_by_text(re.compile(r"[\d,]+ fetched = [\d,]+ passed"))).to_be_visible()
    tab.get_by_role("link", name="Premium Scanner").click()
    expect(tab.get_by_placeholder("All 30 stocks")).to_be_visible()
    tab.get_by_role("link", name="Flow", exact=True).click()
    expect(tab.get_by_role("combobox", name="Universe")).to_have_value("Dow 30")
    tab.get_by_role("link", name="Home", exact=True).click()
    expect(tab.get_by_role("button", name="Sync Dow 30")).to_be_visible()
    tab.goto(f"{demo.url}/database_scan?universe=Gone")
    expect(tab.get_by_role("heading", name="Everything stored", exact=True)).to_be_visible()


def test_the_symbols_of_a_scan_become_a_list(demo: Dashboard, tab: Page) -> None:
    tab.goto(f"{demo.url}/premium_scanner?scan_symbols=KO&scan_symbols=PEP")
    expect(summary(tab)).to_be_visible()
    tab.get_by_role("button", name="As a list").click()
    tab.get_by_label("Keep it as a watchlist named").fill("Drinks")
    tab.get_by_role("button", name="Keep it", exact=True).click()
    expect(tab.get_by_text("The watchlist Drinks is made")).to_be_visible()
    tab.goto(f"{demo.url}/watchlists")
    expect(tab.get_by_test_id("stRadio").get_by_text("Drinks", exact=True)).to_be_visible()


def test_a_stock_is_added_deactivated_and_deleted(empty_dashboard: Dashboard, tab: Page) -> None:
    tab.goto(f"{empty_dashboard.url}/database_scan?db_tab=Add+Stocks")
    expect(tab.get_by_text("Ready universes")).to_be_visible()
    wait_until(empty_dashboard, "select count(*) > 40 from stocks")
    tab.get_by_role("textbox", name="Symbols").fill("BRK-B ZZZZZ AAPL ???")
    tab.get_by_role("button", name="Add", exact=True).click()
    expect(tab.get_by_text("Added 2: BRK.B, ZZZZZ")).to_be_visible()
    expect(tab.get_by_text("Already there, 1: AAPL")).to_be_visible()
    expect(tab.get_by_text("Not symbols, 1: ???")).to_be_visible()
    wait_until(empty_dashboard, "select check_error = 'SymbolNotFoundError' from stocks where symbol = 'ZZZZZ'")
    tab.get_by_role("tab", name="Overview").click()
    expect(tab.get_by_text(re.compile("46 stocks.*1 unknown to the source"))).to_be_visible()
    for action in ("Deactivate", "Delete"):
        tab.get_by_role("textbox", name="Search").fill("zzzzz" if action == "Deactivate" else "brk.b")
        tab.keyboard.press("Enter")
        choose_first_row(tab)
        expect(tab.get_by_text("1 chosen")).to_be_visible()
        tab.get_by_role("button", name=action, exact=True).click()
        if action == "Delete":
            tab.get_by_role("button", name="Delete them").click()
        expect(tab.get_by_text(re.compile("1 deactivated|1 stocks with 0 contracts deleted"))).to_be_visible()
        expect(tab.get_by_text("1 chosen")).not_to_be_visible()
    expect(tab.get_by_text(re.compile("44 stocks.*; 1 inactive"))).to_be_visible()


def choose_first_row(tab: Page) -> None:
    expect(tab.get_by_text("1 found")).to_be_visible()
    expect(tab.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    tab.get_by_test_id("stDataFrame").click(position={"x": 18, "y": 48})


def test_five_thousand_stocks_stay_usable(empty_dashboard: Dashboard, tab: Page) -> None:
    tab.goto(empty_dashboard.url)
    expect(tab.get_by_text("Start here")).to_be_visible()
    wait_until(empty_dashboard, "select count(*) > 40 from stocks")
    settings = load_settings(mode="simulated", data_dir=empty_dashboard.data_dir)
    with psycopg.connect(database_dsn(settings)) as connection:
        connection.execute(
            "insert into stocks (symbol, name, added_at) "
            "select chr(65 + n / 676 % 26) || chr(65 + n / 26 % 26) || chr(65 + n % 26) || 'Q', 'Company ' || n, now() "
            "from generate_series(1, 4956) as n"
        )
        connection.execute("update data_version set version = version + 1")
    tab.goto(f"{empty_dashboard.url}/database_scan?db_tab=Overview")
    expect(tab.get_by_text(re.compile(r"5,00\d stocks"))).to_be_visible()
    tab.get_by_role("textbox", name="Search").fill("company 4321")
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("1 found")).to_be_visible()
