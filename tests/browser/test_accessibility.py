"""Every page of a full database against axe-core's rules, contrast among them, in both themes."""

from __future__ import annotations

from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.browser.conftest import PATIENCE_MILLISECONDS, PROJECT, Dashboard

pytestmark = pytest.mark.browser

PAGES = sorted(path.stem for path in (PROJECT / "pages").glob("*.py"))


def address(page: str) -> str:
    return "" if page == "home" else page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_no_serious_violations(demo: Dashboard, chromium: Browser, page: str, theme: Literal["light", "dark"]) -> None:
    context = chromium.new_context(viewport={"width": 1440, "height": 1600}, color_scheme=theme)
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    try:
        tab = context.new_page()
        tab.goto(f"{demo.url}/{address(page)}")
        expect(tab.get_by_text("SIMULATED MARKET").first).to_be_visible()
        expect(tab.get_by_test_id("stSkeleton")).to_have_count(0)
        tab.wait_for_load_state("networkidle")
        found = Axe().run(tab).response["violations"]
    finally:
        context.close()
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert [described(one) for one in serious] == []


def described(violation: dict[str, object]) -> str:
    nodes = violation["nodes"]
    assert isinstance(nodes, list)
    return f"{violation['id']}: " + "; ".join(f"{node['html']} ({node['failureSummary']})" for node in nodes[:5])
