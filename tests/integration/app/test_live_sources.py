"""Live sources as the program puts them together: real clients, real database, fake internet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from app.live_sources import LiveSources
from app.settings import Settings, load_settings
from db.engine import Database
from scanner.calendar import MarketCalendar
from scanner.errors import InputError, SourceError
from scanner.model import Mode
from scanner.sources.gate import MemoryVault
from scanner.sources.resilience import Call
from tests.integration.sources.every_vendor import NOW, VENDORS
from tests.vendors.faults import unreachable
from tests.vendors.internet import FakeInternet
from tests.vendors.polygon import API_KEY

KEYS = {"SCANNER_POLYGON_API_KEY": API_KEY}

Live = Callable[..., LiveSources]


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeInternet]:
    servers = {host: server for vendor in VENDORS.values() for host, server in vendor.servers().items()}
    with FakeInternet(servers) as entered:
        for name, value in entered.environment.items():
            monkeypatch.setenv(name, value)
        yield entered


@pytest.fixture
def calls() -> list[Call]:
    return []


@pytest.fixture
def live(database: Database, calls: list[Call]) -> Live:
    def make(
        order: str | None = None, limits: str = "", credentials: dict[str, str] = KEYS, **changes: float
    ) -> LiveSources:
        settings: Settings = load_settings(mode=Mode.LIVE, sources=order, source_limits=limits or {}, **changes)
        return LiveSources(
            settings=settings,
            database=database,
            clock=lambda: NOW,
            credential=credentials.get,
            vault=MemoryVault(),
            account=calls.append,
            calendar=MarketCalendar.around(NOW),
        )

    return make


def test_without_credentials_yahoo_alone_is_asked(live: Live) -> None:
    sources = live(credentials={})
    assert sources.ready() == ("yahoo",)
    assert [state.name for state in sources.states()] == ["schwab", "robinhood", "yahoo", "polygon"]
    assert all("not configured" in state.missing for state in sources.states() if not state.ready)


def test_without_any_source_it_says_what_is_lacking(live: Live) -> None:
    with pytest.raises(InputError, match="set SCANNER_POLYGON_API_KEY"):
        live("polygon", credentials={}).open()


def test_a_turn_that_is_far_away_goes_to_the_next_source_at_once(
    live: Live, internet: FakeInternet, calls: list[Call]
) -> None:
    """Two calls a minute at Polygon: enough for one chain."""
    sources = live("polygon,yahoo", "polygon=3/60/2", chain_cache_seconds=0.0).open()
    first = sources.chains.chain("AAPL", lambda listed: listed)
    assert (first.source, first.skipped) == ("polygon", ())
    other = live("polygon,yahoo", "polygon=3/60/2", chain_cache_seconds=0.0)
    began = time.monotonic()
    second = other.open().chains.chain("AAPL", lambda listed: listed[:1])
    assert time.monotonic() - began < 12
    assert second.source == "yahoo"
    assert [(one.source, one.error_class) for one in second.skipped] == [("polygon", "RateLimitedError")]
    assert {call.source for call in calls} == {"polygon", "yahoo"}


def test_a_chain_is_fetched_once_for_all(live: Live, internet: FakeInternet) -> None:
    one, other = live("yahoo").open(), live("yahoo").open()
    one.chains.chain("AAPL", lambda listed: listed)
    before = internet.count()
    assert len(other.chains.chain("AAPL", lambda listed: listed[:1]).contracts) == 18
    assert internet.count() == before


def test_a_vendor_that_is_down_is_left_alone_by_all(live: Live, internet: FakeInternet, calls: list[Call]) -> None:
    """Five failures open the breaker; from then on nobody calls, and the next source answers at once."""
    internet.faults.add(unreachable(r"polygon"))
    limits = "polygon=1000/1/500,yahoo=1000/1/500"
    for symbol in ("MSFT", "KO"):
        with pytest.raises(SourceError):  # the fake Yahoo knows AAPL alone
            live("polygon,yahoo", limits).open().chains.chain(symbol, lambda listed: listed)
    answer = live("polygon,yahoo", limits).open().chains.chain("AAPL", lambda listed: listed)
    assert answer.source == "yahoo"
    assert [(one.source, one.error_class) for one in answer.skipped] == [("polygon", "SourceSuspendedError")]
    assert len([call for call in calls if call.source == "polygon"]) == 5
