"""The contract on answers recorded at the vendors: the real clients in front of a fake that plays them back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scanner.calendar import MarketCalendar
from scanner.model import Mode
from scanner.sources.file import FileSource
from scanner.sources.resilience import OpenGate
from scanner.sources.yahoo import YahooSource
from tests.contract.chain_source import ChainSourceContract
from tests.reference.shared_data import FOLDER, shared_path
from tests.vendors.internet import FakeInternet
from tests.vendors.yahoo import YahooServer
from tests.vendors.yahoo_payloads import WrittenAnswers, recorded_body

YAHOO_AT = datetime(2025, 2, 24, 9, 24, 42, tzinfo=UTC)
CBOE_AT = datetime(2026, 1, 1, tzinfo=UTC)


def with_chains() -> list[Any]:
    """Every recorded answer of Yahoo that holds contracts; one visible skip where there are no files."""
    paths = sorted((FOLDER / "yahoo" / "options").glob("options-*.json"))
    chains = [path for path in paths if "-expire-" not in path.name and _contracts(path)]
    skip = pytest.mark.skip(reason="real data yahoo/options is not at ../shared/data")
    return [pytest.param(path, id=path.stem) for path in chains] or [pytest.param(None, marks=skip)]


def _contracts(path: Path) -> int:
    results = recorded_body(path)["optionChain"]["result"]
    return sum(len(block["calls"]) for result in results for block in result["options"])


class _Recorded(ChainSourceContract):
    @pytest.fixture
    def mode(self) -> Mode:
        return Mode.LIVE

    @pytest.fixture
    def unknown(self) -> str:
        return "ZZTOP"

    @pytest.fixture
    def without_options(self) -> None:
        return None


class TestYahooRecorded(_Recorded):
    @pytest.fixture(params=with_chains(), scope="class")
    @classmethod
    def played(cls, request: pytest.FixtureRequest) -> Iterator[tuple[YahooSource, str]]:
        body = recorded_body(request.param)
        symbol = body["optionChain"]["result"][0]["underlyingSymbol"]
        with (
            FakeInternet(YahooServer(WrittenAnswers({symbol: body})).servers) as internet,
            pytest.MonkeyPatch.context() as patch,
        ):
            for name, value in internet.environment.items():
                patch.setenv(name, value)
            yield YahooSource(clock=lambda: YAHOO_AT, gate=OpenGate(), timeout_seconds=60.0), symbol

    @pytest.fixture
    def source(self, played: tuple[YahooSource, str]) -> YahooSource:
        return played[0]

    @pytest.fixture
    def symbol(self, played: tuple[YahooSource, str]) -> str:
        return played[1]


class TestCboeRecorded(_Recorded):
    """All recorded downloads in one folder: of each symbol the newest is the answer."""

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        shared_path("cboe/skew25_reference.csv")
        folder = tmp_path_factory.mktemp("cboe")
        for path in (FOLDER / "cboe").glob("*/*"):
            (folder / path.name).symlink_to(path)
        return folder

    @pytest.fixture(scope="class")
    @classmethod
    def held(cls, folder: Path) -> FileSource:
        return FileSource(folder, clock=lambda: CBOE_AT, calendar=MarketCalendar.around(CBOE_AT))

    @pytest.fixture
    def source(self, held: FileSource) -> FileSource:
        return held

    @pytest.fixture(params=["SPX", "SPY"])
    def symbol(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)
