from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scanner.calendar import MarketCalendar
from scanner.errors import InputError, SourceUnavailableError
from scanner.model import Mode
from scanner.sources.recorded import save_snapshot
from scanner.sources.registry import SOURCE_NAMES, SourceOptions, open_sources, recording
from scanner.sources.simulated import SimulatedSource

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def calendar() -> MarketCalendar:
    return MarketCalendar.around(NOW)


def options(calendar: MarketCalendar, folder: Path | None) -> SourceOptions:
    return SourceOptions(
        clock=lambda: NOW,
        calendar=calendar,
        timeout_seconds=5.0,
        calls_per_second=2.0,
        seed=1,
        recorded_folder=folder,
    )


@pytest.mark.parametrize("mode", list(Mode))
def test_every_mode_has_a_source_of_its_own_mode_and_known_name(
    mode: Mode, calendar: MarketCalendar, tmp_path: Path
) -> None:
    sources = open_sources(mode, options(calendar, tmp_path))
    assert sources.chains.mode is mode
    assert sources.chains.name == SOURCE_NAMES[mode]
    if sources.reference is not None:
        assert sources.reference.mode is mode


def test_a_replay_needs_a_folder(calendar: MarketCalendar) -> None:
    with pytest.raises(InputError, match="SCANNER_RECORDED_DIR"):
        open_sources(Mode.RECORDED, options(calendar, None))


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
