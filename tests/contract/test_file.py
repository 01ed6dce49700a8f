"""Saved chains keep the promises of a chain source, whatever the format they were saved in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from scanner.calendar import MarketCalendar
from scanner.model import ChainSnapshot, Mode
from scanner.sources.file import FileSource
from scanner.sources.simulated import SimulatedSource
from tests.contract.chain_source import ChainSourceContract
from tests.vendors.saved_files import canonical_csv, canonical_parquet, cboe_csv

SAVED_AT = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
SYMBOLS = ("AAPL", "SPY", "BRK.B", "SNOW", "TEAM")
FORMATS: dict[str, Callable[[ChainSnapshot], bytes]] = {
    "canonical CSV": lambda chain: canonical_csv(chain).encode(),
    "Parquet": canonical_parquet,
    "Cboe": lambda chain: cboe_csv(chain).encode(),
}


def some(listed: Sequence[date]) -> Sequence[date]:
    return listed[:8]


@pytest.fixture(scope="module")
def calendar() -> MarketCalendar:
    return MarketCalendar.around(SAVED_AT)


@pytest.fixture(scope="module", params=FORMATS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, calendar: MarketCalendar) -> Path:
    """A folder with a saved chain of each symbol; SNOW and TEAM carry nulls of every kind."""
    folder = tmp_path_factory.mktemp("saved")
    market = SimulatedSource(1, lambda: SAVED_AT, calendar)
    for number, symbol in enumerate(SYMBOLS):
        (folder / f"download ({number})").write_bytes(FORMATS[request.param](market.chain(symbol, some)))
    return folder


@pytest.fixture(scope="module")
def saved(folder: Path, calendar: MarketCalendar) -> FileSource:
    """One source for all tests: what it gives must not depend on what was asked before."""
    return FileSource(folder, clock=lambda: SAVED_AT, calendar=calendar)


class TestFile(ChainSourceContract):
    @pytest.fixture
    def source(self, saved: FileSource) -> FileSource:
        return saved

    @pytest.fixture(params=SYMBOLS)
    def symbol(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def mode(self) -> Mode:
        return Mode.LIVE

    @pytest.fixture(params=["ZZTOP", "not a symbol"])
    def unknown(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def without_options(self) -> None:
        return None
