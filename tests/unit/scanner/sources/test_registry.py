from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scanner.calendar import MarketCalendar
from scanner.errors import InputError, SourceUnavailableError
from scanner.model import Mode
from scanner.sources import registry
from scanner.sources.base import SourceOptions
from scanner.sources.fallback import FallbackSource
from scanner.sources.gate import MemoryVault
from scanner.sources.recorded import save_snapshot
from scanner.sources.registry import SOURCE_NAMES, VENDORS, checked_order, recording
from scanner.sources.resilience import OpenGate
from scanner.sources.simulated import SimulatedSource

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def calendar() -> MarketCalendar:
    return MarketCalendar.around(NOW)


def options(folder: Path, calendar: MarketCalendar) -> SourceOptions:
    return SourceOptions(
        clock=lambda: NOW,
        gate=OpenGate(),
        timeout_seconds=5.0,
        credential=lambda name: "set",
        vault=MemoryVault(),
        calendar=calendar,
        folder=folder,
    )


@pytest.mark.parametrize("name", VENDORS)
def test_every_live_source_opens_without_a_call(name: str, tmp_path: Path, calendar: MarketCalendar) -> None:
    source = registry.open_live([name], lambda _: options(tmp_path, calendar))
    assert (source.name, source.mode) == (name, Mode.LIVE)


def test_every_package_of_a_vendor_is_registered() -> None:
    """Whatever offers `open_source` is a live source, and the other way round."""
    folder = Path(registry.__file__).parent
    modules = [path.stem for path in folder.iterdir() if not path.name.startswith("_")]
    offering = {name for name in modules if hasattr(importlib.import_module(f"scanner.sources.{name}"), "open_source")}
    assert offering == {vendor.module for vendor in VENDORS.values()}


def test_several_sources_answer_as_one_in_their_order(tmp_path: Path, calendar: MarketCalendar) -> None:
    names = tuple(VENDORS)[:2]
    source = registry.open_live(names, lambda _: options(tmp_path, calendar))
    assert isinstance(source, FallbackSource) or len(names) == 1


@pytest.mark.parametrize("order", [(), ("yahoo", "yahoo"), ("bloomberg",)])
def test_an_order_names_known_sources_once(order: tuple[str, ...]) -> None:
    with pytest.raises(InputError):
        checked_order(order)


def test_a_source_without_credentials_says_what_it_lacks() -> None:
    for state in registry.states(tuple(VENDORS), credential=lambda name: None, vault=MemoryVault(), folder=None):
        vendor = VENDORS[state.name]
        assert state.ready is (not vendor.credentials and not vendor.needs_folder)
        assert all(name in state.missing for name in vendor.credentials)
    states = registry.states(tuple(VENDORS), credential=lambda name: "set", vault=MemoryVault(), folder=Path())
    assert all(state.ready for state in states)


def test_other_modes_have_a_source_of_their_own_name(calendar: MarketCalendar, tmp_path: Path) -> None:
    for mode, sources in (
        (Mode.SIMULATED, registry.open_simulated(1, lambda: NOW, calendar)),
        (Mode.RECORDED, registry.open_recorded(tmp_path)),
    ):
        assert (sources.chains.name, sources.chains.mode) == (SOURCE_NAMES[mode], mode)


def test_a_replay_needs_a_folder() -> None:
    with pytest.raises(InputError, match="SCANNER_RECORDED_DIR"):
        registry.open_recorded(None)


def test_a_recording_tells_its_symbols_and_its_newest_answer(calendar: MarketCalendar, tmp_path: Path) -> None:
    for symbol, age in (("KO", 2), ("PEP", 1), ("KO", 3)):
        then = NOW - timedelta(hours=age)
        market = SimulatedSource(1, lambda then=then: then, calendar)  # type: ignore[misc]
        save_snapshot(market.chain(symbol, lambda listed: listed[:1]), tmp_path)
    found = recording(tmp_path)
    assert found.symbols == ("KO", "PEP")
    assert found.newest == NOW - timedelta(hours=1)


def test_a_folder_without_answers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no saved answer"):
        recording(tmp_path)
    with pytest.raises(SourceUnavailableError):
        recording(tmp_path / "nowhere")
