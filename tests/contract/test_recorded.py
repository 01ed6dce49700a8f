"""Played back answers keep the promises of a chain source."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from scanner.calendar import MarketCalendar
from scanner.model import Mode
from scanner.sources.recorded import RecordedSource, save_snapshot
from scanner.sources.simulated import SimulatedSource
from tests.contract.chain_source import ChainSourceContract, everything

SAVED_AT = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a saved chain of each symbol; SNOW and TEAM carry nulls of every kind."""
    folder = tmp_path_factory.mktemp("recorded")
    market = SimulatedSource(1, lambda: SAVED_AT, MarketCalendar.around(SAVED_AT))
    for symbol in ("SNOW", "TEAM", "BRK.B"):
        save_snapshot(market.chain(symbol, everything), folder)
    return folder


class TestRecorded(ChainSourceContract):
    @pytest.fixture
    def source(self, folder: Path) -> RecordedSource:
        return RecordedSource(folder)

    @pytest.fixture(params=["SNOW", "TEAM", "BRK.B"])
    def symbol(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def mode(self) -> Mode:
        return Mode.RECORDED

    @pytest.fixture
    def unknown(self) -> str:
        return "AAPL"

    @pytest.fixture
    def without_options(self) -> None:
        return None
