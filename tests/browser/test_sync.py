"""Sync All as a person presses it: cancelled and resumed, reloaded in the middle, followed from a second window."""

from __future__ import annotations

import re

import psycopg
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from app.connection import database_dsn
from app.settings import load_settings
from tests.browser.conftest import Dashboard
from tests.browser.test_pages import asked, wait_until
from tests.processes import workers_held

pytestmark = pytest.mark.browser
STOCKS = 600
CURRENT_RUN = "select state from scan_runs where kind = 'sync' order by run_id desc limit 1"


@pytest.fixture
def many_stocks(empty_dashboard: Dashboard, tab: Page) -> Dashboard:
    """Enough of them that a sync takes seconds. The first page asked for brings the database up."""
    tab.goto(empty_dashboard.url)
    expect(tab.get_by_text("Start here")).to_be_visible()
    wait_until(empty_dashboard, "select seeded_at is not null from database_info")
    settings = load_settings(mode="simulated", data_dir=empty_dashboard.data_dir)
    with psycopg.connect(database_dsn(settings)) as connection:
        connection.execute(
            "insert into stocks (symbol, added_at) "
            "select 'B' || chr(65 + n / 676) || chr(65 + n / 26 % 26) || chr(65 + n % 26), now() "
            "from generate_series(0, 555) as n"
        )
    return empty_dashboard


def test_a_cancelled_sync_is_resumed_to_its_end(many_stocks: Dashboard, tab: Page) -> None:
    tab.goto(many_stocks.url)
    tab.get_by_role("button", name="Sync All").click()
    expect(tab.get_by_text(re.compile(rf"[1-9]\d* of {STOCKS} symbols"))).to_be_visible()
    tab.get_by_role("button", name="Cancel").click()
    ended = tab.get_by_text(re.compile("Last sync cancelled"))
    expect(ended).to_be_visible()
    stored, cancelled = map(
        int, re.findall(rf"(\d+) of {STOCKS} symbols stored.* (\d+) cancelled", ended.inner_text())[0]
    )
    assert stored + cancelled == STOCKS
    assert cancelled > 0
    tab.get_by_role("button", name=f"Resume ({cancelled})").click()
    expect(tab.get_by_text(f"{cancelled} of {cancelled} symbols stored")).to_be_visible()
    expect(tab.get_by_role("button", name=re.compile("Resume"))).to_have_count(0)
    assert asked(many_stocks, "select count(distinct symbol) from stock_chains") == STOCKS


def test_a_reload_in_the_middle_of_a_sync_goes_on_with_it(
    many_stocks: Dashboard, tab: Page, window: BrowserContext
) -> None:
    tab.goto(many_stocks.url)
    tab.get_by_role("button", name="Sync All").click()
    expect(tab.get_by_text(re.compile(rf"[1-9]\d* of {STOCKS} symbols"))).to_be_visible()
    with workers_held(many_stocks.pid):
        tab.reload()
        second = window.new_page()
        second.goto(f"{many_stocks.url}/database_scan?db_tab=Overview")
        for page in (tab, second):
            expect(page.get_by_text(re.compile(rf"[1-9]\d* of {STOCKS} symbols")).first).to_be_visible()
        assert asked(many_stocks, CURRENT_RUN) == "running"
    for page in (tab, second):
        expect(page.get_by_text(f"{STOCKS} of {STOCKS} symbols stored")).to_be_visible()
    assert asked(many_stocks, "select count(*) from scan_runs where kind = 'sync'") == 1
