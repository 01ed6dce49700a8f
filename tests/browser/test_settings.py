"""Settings: a wrong value is refused, a right one holds at once; a preference shows on the pages and in the address."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Dashboard

pytestmark = pytest.mark.browser


def test_a_wrong_value_is_refused_and_a_right_one_holds(demo: Dashboard, tab: Page) -> None:
    tab.goto(f"{demo.url}/settings?settings_tab=Program")
    score = tab.get_by_role("textbox", name="Alerts from this score on")
    form = tab.get_by_test_id("stForm").filter(has=score)
    expect(score).to_have_attribute("placeholder", "default: 80")
    score.fill("many")
    form.get_by_role("button", name="Save", exact=True).click()
    expect(tab.get_by_text(re.compile("Nothing was saved. SCANNER_ALERT_SCORE"))).to_be_visible()
    score.fill("85")
    form.get_by_role("button", name="Save", exact=True).click()
    expect(tab.get_by_role("textbox", name="Alerts from this score on (saved here)")).to_have_value("85")
    tab.get_by_role("textbox", name="Alerts from this score on").fill("")
    form.get_by_role("button", name="Save", exact=True).click()
    expect(tab.get_by_role("textbox", name="Alerts from this score on (the default)")).to_have_value("")


def test_a_preference_shows_on_the_pages_and_in_the_address(empty_dashboard: Dashboard, tab: Page) -> None:
    tab.goto(f"{empty_dashboard.url}/settings")
    tab.get_by_role("radio", name="Mid").click()
    tab.get_by_role("combobox", name="Time zone beside New York's").fill("Asia/Tok")
    tab.keyboard.press("Enter")
    tab.get_by_role("button", name="Save", exact=True).click()
    expect(tab.get_by_text(re.compile(r"New York \d\d:\d\d · \d\d:\d\d Tokyo"))).to_be_visible()
    tab.goto(f"{empty_dashboard.url}/premium_scanner")
    expect(tab.get_by_role("radio", name="Mid")).to_be_checked()
    expect(tab).to_have_url(re.compile("scan_basis=Mid"))
    tab.goto(f"{empty_dashboard.url}/premium_scanner?scan_dte=1&scan_dte=40")
    expect(tab.get_by_role("radio", name="Bid")).to_be_checked()


def test_scans_begin_with_the_filters_that_were_kept(empty_dashboard: Dashboard, tab: Page) -> None:
    tab.goto(f"{empty_dashboard.url}/premium_scanner?scan_delta=0.10&scan_delta=0.15&scan_volume=7&scan_target=")
    tab.get_by_role("button", name="My filters").click()
    tab.get_by_role("button", name="Begin with these filters").click()
    expect(tab.get_by_role("button", name="Begin with these filters")).to_be_disabled()
    tab.goto(f"{empty_dashboard.url}/database_scan")
    expect(tab).to_have_url(re.compile("db_delta=0.1&db_delta=0.15"))
    expect(tab).to_have_url(re.compile("db_volume=7"))
    expect(tab).to_have_url(re.compile("db_target=(&|$)"))
    tab.goto(f"{empty_dashboard.url}/settings")
    expect(tab.get_by_text("|delta| 0.1-0.15")).to_be_visible()
    tab.goto(f"{empty_dashboard.url}/premium_scanner")
    tab.get_by_role("button", name="My filters").click()
    tab.get_by_role("button", name="Begin with the program's own").click()
    expect(tab.get_by_role("button", name="Begin with the program's own")).to_be_disabled()
    tab.goto(f"{empty_dashboard.url}/settings")
    expect(tab.get_by_text("each page's own")).to_be_visible()
