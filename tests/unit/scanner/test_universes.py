from __future__ import annotations

from importlib.metadata import version

import pytest

from scanner import universes
from scanner.errors import InputError
from scanner.symbols import DEFAULT_UNIVERSE


def test_the_default_stocks_are_our_own() -> None:
    ready = universes.ready_universe("Default 44")
    assert (ready.symbols, ready.as_of, len(ready.symbols)) == (DEFAULT_UNIVERSE, None, 44)


@pytest.mark.parametrize(
    ("name", "count", "members"),
    [
        ("Dow 30", 30, {"AAPL", "MSFT", "JPM", "KO"}),
        ("Nasdaq-100", 101, {"AAPL", "GOOG", "GOOGL", "NVDA"}),
        ("S&P 100", 101, {"BRK.B", "XOM"}),
        ("S&P 500", 503, {"BRK.B", "BF.B", "MMM"}),
    ],
)
def test_index_members_are_canonical_and_each_once(name: str, count: int, members: set[str]) -> None:
    ready = universes.ready_universe(name)
    assert len(ready.symbols) == len(set(ready.symbols)) == count
    assert members <= set(ready.symbols)
    assert ready.invalid == ()
    assert ready.source == "pytickersymbols"


def test_the_date_is_that_of_the_installed_package() -> None:
    """Update `MEMBERS_AS_OF` with the pin: https://pypi.org/project/pytickersymbols/#history has the dates."""
    assert version("pytickersymbols") == "1.17.10"
    assert str(universes.MEMBERS_AS_OF) == "2026-03-09"


def test_what_cannot_be_read_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(universes, "_members", lambda index: ["AAPL", "brk-b", "???", "AAPL"])
    ready = universes.ready_universe("Dow 30")
    assert (ready.symbols, ready.invalid) == (("AAPL", "BRK.B"), ("???",))


def test_another_name_is_refused() -> None:
    with pytest.raises(InputError, match="Nikkei"):
        universes.ready_universe("Nikkei")
