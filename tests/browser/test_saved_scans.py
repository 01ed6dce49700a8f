"""A scan is saved, opened again with the same rows, run twice, compared, exported and imported, and shared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Dashboard

pytestmark = pytest.mark.browser

ROWS = re.compile(r"^\s*[\d,]+ rows, as of")
FILTERS = "db_delta=0.3&db_delta=0.4&db_target=30&db_target=45&db_grade=B&db_sort=IV+%E2%86%93"


def rows(tab: Page) -> str:
    found = tab.get_by_text(ROWS)
    expect(found).to_be_visible()
    return found.inner_text().partition(",")[0]


def test_a_scan_is_saved_opened_run_compared_and_carried_over(
    demo: Dashboard, tab: Page, window: BrowserContext, tmp_path: Path
) -> None:
    tab.goto(f"{demo.url}/database_scan?{FILTERS}")
    shown = rows(tab)
    tab.get_by_role("button", name="Save scan").click()
    tab.get_by_role("textbox", name="Name of the scan").fill("Wheel 30-45")
    tab.get_by_role("button", name="Save", exact=True).click()
    expect(tab.get_by_text("Saved. The page Saved Scans")).to_be_visible()

    tab.goto(f"{demo.url}/saved_scans")
    tab.get_by_test_id("stRadio").get_by_text("Wheel 30-45", exact=True).click()
    expect(tab.get_by_text("It has not been run yet")).to_be_visible()
    for run in ("1 runs", "2 runs"):
        tab.get_by_role("button", name="Run now").click()
        expect(tab.get_by_text(run)).to_be_visible()
    expect(tab.get_by_text(re.compile(rf"{shown.split()[0]} rows kept"))).to_be_visible()
    tab.get_by_role("combobox", name="Compare with").click()
    tab.get_by_role("option", name=re.compile("rows")).click()
    expect(tab.get_by_text(re.compile("Nothing entered, left or moved|entered, .* left"))).to_be_visible()

    with tab.expect_download() as download:
        tab.get_by_role("button", name="Export JSON").click()
    file = tmp_path / "scan.json"
    download.value.save_as(file)
    tab.get_by_role("link", name="Open with these filters").click()
    assert rows(tab) == shown
    other = window.new_page()
    other.goto(tab.url)
    assert rows(other) == shown

    file.write_text(file.read_text(encoding="utf-8").replace("Wheel 30-45", "Carried over"), encoding="utf-8")
    tab.goto(f"{demo.url}/saved_scans")
    tab.get_by_role("button", name="Import").click()
    tab.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(file)
    expect(tab.get_by_role("button", name=f"Remove {file.name}")).to_be_visible()
    tab.get_by_role("button", name="Import", exact=True).last.click()
    expect(tab.get_by_test_id("stRadio").get_by_text("Carried over", exact=True)).to_be_visible()


def test_two_users_see_their_own_filters(demo: Dashboard, tab: Page, window: BrowserContext) -> None:
    other = window.browser.new_context().new_page()  # type: ignore[union-attr]
    tab.goto(f"{demo.url}/database_scan?{FILTERS}")
    other.goto(f"{demo.url}/database_scan")
    mine, theirs = rows(tab), rows(other)
    assert mine != theirs
    tab.get_by_role("button", name="Apply").click()
    other.get_by_role("button", name="Apply").click()
    assert (rows(tab), rows(other)) == (mine, theirs)
    other.context.close()
