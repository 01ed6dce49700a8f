"""Which sources serve which mode. The only module that knows every vendor; each is imported when first wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from scanner.calendar import MarketCalendar
from scanner.errors import InputError
from scanner.model import Mode
from scanner.sources.base import ChainSource, ReferenceSource

SOURCE_NAMES: Final = {Mode.LIVE: "yahoo", Mode.SIMULATED: "simulated", Mode.RECORDED: "recorded"}
"""The name of each mode's source of chains, without importing it."""

REFERENCE_SHARE: Final = 0.25
"""Slow facts have a call budget of their own, this part of the chains' budget, so that they never delay chains."""


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What sources can be given. Each mode reads what concerns it."""

    clock: Callable[[], datetime]
    calendar: MarketCalendar
    timeout_seconds: float
    calls_per_second: float
    seed: int
    recorded_folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of one mode. `reference` None: nothing gives slow facts in this mode."""

    chains: ChainSource
    reference: ReferenceSource | None


@dataclass(frozen=True, slots=True)
class Recording:
    """What a folder of saved answers holds. `newest`: the instant a replay takes for now, so that nothing expires."""

    symbols: tuple[str, ...]
    newest: datetime


def recording(folder: Path) -> Recording:
    """Look into a folder of saved answers. Errors: SourceError subclasses, InputError for an empty one."""
    from scanner.sources.recorded import RecordedSource

    source = RecordedSource(folder)
    return Recording(symbols=source.symbols(), newest=source.newest())


def open_sources(mode: Mode, options: SourceOptions) -> Sources:
    """The sources of a mode. Nothing is called yet.

    Errors: InputError where the mode `recorded` has no folder.
    """
    match mode:
        case Mode.LIVE:
            return _live(options)
        case Mode.SIMULATED:
            return _simulated(options)
        case Mode.RECORDED:
            return _recorded(options)


def _live(options: SourceOptions) -> Sources:
    from scanner.sources.yahoo import YahooSource

    def source(calls_per_second: float) -> YahooSource:
        return YahooSource(
            clock=options.clock, timeout_seconds=options.timeout_seconds, calls_per_second=calls_per_second
        )

    return Sources(
        chains=source(options.calls_per_second),
        reference=source(options.calls_per_second * REFERENCE_SHARE),
    )


def _simulated(options: SourceOptions) -> Sources:
    from scanner.sources.simulated import SimulatedSource

    source = SimulatedSource(options.seed, options.clock, options.calendar)
    return Sources(chains=source, reference=source)


def _recorded(options: SourceOptions) -> Sources:
    from scanner.sources.recorded import RecordedSource

    if options.recorded_folder is None:
        raise InputError("the mode recorded needs a folder of saved answers: set SCANNER_RECORDED_DIR")
    return Sources(chains=RecordedSource(options.recorded_folder), reference=None)
