"""A list from TradingView: import, sync, quick scan, export as it came."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Dashboard
from tests.browser.test_pages import summary
from tests.reference.shared_data import shared_path

pytestmark = pytest.mark.browser


def make_list(tab: Page, name: str, file: Path) -> None:
    tab.get_by_role("button", name="New list").click()
    tab.get_by_label("Name", exact=True).fill(name)
    tab.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(file)
    expect(tab.get_by_role("button", name=f"Remove {file.name}")).to_be_visible()
    tab.get_by_role("button", name="Make the list").click()


def radio(tab: Page, name: str) -> Locator:
    return tab.get_by_test_id("stRadio").get_by_text(name, exact=True)


def choose(tab: Page, name: str) -> None:
    radio(tab, name).click()


def test_from_an_import_to_an_export_with_a_sync_and_a_scan(demo: Dashboard, tab: Page, tmp_path: Path) -> None:
    sample = shared_path("tradingview/sample_with_sections.txt")
    tab.goto(f"{demo.url}/watchlists")
    make_list(tab, "From TradingView", sample)
    choose(tab, "From TradingView")
    expect(tab.get_by_text(re.compile(r"Added 36 symbols and 2 sections"))).to_be_visible()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Export for TradingView").click()
    exported = tmp_path / "exported.txt"
    download.value.save_as(exported)
    assert exported.read_bytes() == sample.read_bytes()
    tab.get_by_role("button", name="Sync this list").click()
    expect(tab.get_by_text(re.compile("Synced as a list .* ago"))).to_be_visible()
    expect(tab.get_by_text(re.compile(r"Last sync finished .*of 36 symbols stored"))).to_be_visible()
    tab.get_by_role("link", name="Quick scan of these 36 symbols").click()
    expect(summary(tab)).to_be_visible()
    assert tab.url.count("scan_symbols=") == 36


def test_a_deleted_list_comes_back(demo: Dashboard, tab: Page, tmp_path: Path) -> None:
    file = tmp_path / "few.txt"
    file.write_text("AAPL,KO,FX:EURUSD")
    tab.goto(f"{demo.url}/watchlists")
    make_list(tab, "Few", file)
    choose(tab, "Few")
    expect(tab.get_by_text("Kept in the list, without options here, 1")).to_be_visible()
    tab.get_by_role("button", name="Delete").click()
    expect(radio(tab, "Few")).to_have_count(0)
    tab.get_by_role("button", name="Undo").click()
    expect(radio(tab, "Few")).to_be_visible()


def test_what_is_no_list_is_said(demo: Dashboard, tab: Page, tmp_path: Path) -> None:
    file = tmp_path / "picture.txt"
    file.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00")
    tab.goto(f"{demo.url}/watchlists")
    make_list(tab, "Picture", file)
    expect(tab.get_by_text("the file is no text in UTF-8 or UTF-16")).to_be_visible()
