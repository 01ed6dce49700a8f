from __future__ import annotations

import pytest

from app.ui import saved_scans
from app.ui.columns import narrowed
from scanner.model import BasisKind, Grade, PremiumFilters, PriceBasis, RejectionReason, Strategy
from scanner.saved_scans import ScanDefinition, ScanUniverse, UniverseKind
from scanner.scan_comparison import Change, Difference, Place

FILTERS = PremiumFilters(
    strategies=(Strategy.COVERED_CALL,),
    target_dtes=(30,),
    delta_min=0.25,
    delta_max=0.35,
    min_grade=Grade.B,
    basis=PriceBasis(BasisKind.FILL, 0.25),
)


def test_the_address_of_a_scan_of_everything() -> None:
    definition = ScanDefinition("Mine", FILTERS, ScanUniverse(), ("IV ↓",), ("Strike", "IV"))
    page, query = saved_scans.address(definition)
    assert page == "pages/database_scan.py"
    assert query["db_strategy"] == ["Covered call"]
    assert (query["db_delta"], query["db_target"], query["db_dte"]) == (["0.25", "0.35"], ["30"], ["1", "75"])
    assert (query["db_basis"], query["db_fill"], query["db_grade"]) == ("Fill", "25", "B")
    assert (query["db_sort"], query["db_columns"]) == (["IV ↓"], ["Strike", "IV"])
    assert not {"db_price", "db_symbols", "universe"} & set(query)


def test_the_address_of_a_list_and_of_fixed_symbols() -> None:
    _, listed = saved_scans.address(
        ScanDefinition("Mine", FILTERS, ScanUniverse(UniverseKind.LIST, watchlist="Drinks & more"))
    )
    assert listed["universe"] == "Drinks & more"
    page, fixed = saved_scans.address(
        ScanDefinition("Mine", FILTERS, ScanUniverse(UniverseKind.SYMBOLS, symbols=("KO", "BRK.B")))
    )
    assert (page, fixed["scan_symbols"]) == ("pages/premium_scanner.py", ["KO", "BRK.B"])


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (
            Difference(Change.ENTERED, "KO", "X", None, 3, RejectionReason.DELTA_OUT_OF_RANGE),
            "before: delta out of range",
        ),
        (Difference(Change.LEFT, "KO", "X", 3, None, RejectionReason.EXPIRED), "now: expired"),
        (
            Difference(Change.LEFT, "KO", "X", 3, None, Place.NOT_THE_BEST),
            "now: another contract of its expiration returned more",
        ),
        (Difference(Change.ENTERED, "KO", "X", None, 3), "unknown"),
        (
            Difference(Change.MOVED, "KO", "X", 3, 1, None, -1.25, 2.0, 0.11, -2),
            "price -1.25 %, IV +2.0 points, premium +0.11, 2 days less",
        ),
        (Difference(Change.MOVED, "KO", "X", 3, 1), "price – %, IV – points, premium –"),
    ],
)
def test_every_change_has_its_reason(difference: Difference, words: str) -> None:
    assert saved_scans.why(difference) == words


def test_every_place_has_words() -> None:
    assert set(saved_scans.PLACES) == set(Place)


def test_the_ticker_is_always_a_column() -> None:
    assert narrowed(["symbol", "strike", "iv", "grade"], ["IV", "Nothing"]) == ["symbol", "iv"]
    assert narrowed(["symbol", "strike"], []) == ["symbol", "strike"]
