"""Which sources serve which mode. The only module that knows every vendor; each is imported when first wanted."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from scanner.errors import InputError
from scanner.model import Mode
from scanner.sources.base import ChainSource, ReferenceSource, SourceOptions, Vault
from scanner.sources.fallback import FallbackSource
from scanner.sources.resilience import RateLimit

if TYPE_CHECKING:
    from scanner.calendar import MarketCalendar  # its import takes long, and settings need names alone

SOURCE_NAMES: Final = {Mode.SIMULATED: "simulated", Mode.RECORDED: "recorded"}
"""The name of the one source of chains of modes other than live, without importing it."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """A live source: `open_source(options)` of a module of this package opens it.

    `limit` is the vendor's own; `credentials` are the names of settings it cannot do without. `needs_folder`: it reads
    files.
    """

    module: str
    limit: RateLimit
    credentials: tuple[str, ...] = ()
    needs_folder: bool = False


VENDORS: Final[Mapping[str, Vendor]] = {
    "file": Vendor("file", RateLimit(1_000, 1.0, burst=500), needs_folder=True),
    "polygon": Vendor("polygon", RateLimit(5, 60.0, burst=2), ("SCANNER_POLYGON_API_KEY",)),
    "robinhood": Vendor(
        "robinhood", RateLimit(60, 60.0, burst=10), ("SCANNER_ROBINHOOD_USERNAME", "SCANNER_ROBINHOOD_PASSWORD")
    ),
    "schwab": Vendor("schwab", RateLimit(120, 60.0, burst=20), ("SCANNER_SCHWAB_APP_KEY", "SCANNER_SCHWAB_APP_SECRET")),
    "yahoo": Vendor("yahoo", RateLimit(5, 1.0)),
}
"""By name. Adding a source means adding a line here."""

DEFAULT_ORDER: Final = ("schwab", "robinhood", "yahoo", "polygon")
"""Which live sources are asked, in this order, where the settings name none."""

REFERENCE_VENDOR: Final = "yahoo"
REFERENCE_SHARE: Final = 0.2
"""Slow facts have a call budget of their own, this part of the vendor's limit, so that they never delay chains."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """Whether a live source can be asked; `missing` says what it lacks, empty where it lacks nothing.

    `session_ends_at`: when a log-in that needs a person ends, None where there is none.
    """

    name: str
    missing: str = ""
    session_ends_at: datetime | None = None

    @property
    def ready(self) -> bool:
        return not self.missing


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


def checked_order(names: Sequence[str]) -> tuple[str, ...]:
    """Names of live sources in the order they are asked. Raises InputError for an unknown or repeated one, or none."""
    unknown = [name for name in names if name not in VENDORS]
    if unknown:
        raise InputError(f"no source is named {', '.join(unknown)}; there are {', '.join(sorted(VENDORS))}")
    if not names or len(set(names)) != len(names):
        raise InputError("name each source once, and at least one")
    return tuple(names)


def states(
    order: Sequence[str], *, credential: Callable[[str], str | None], vault: Vault, folder: Path | None
) -> tuple[SourceState, ...]:
    """What each source of `order` lacks, without opening or calling it. Errors: the vault's."""
    return tuple(_state(name, credential, vault, folder) for name in order)


def _state(name: str, credential: Callable[[str], str | None], vault: Vault, folder: Path | None) -> SourceState:
    missing = _missing(VENDORS[name], credential, folder)
    ends_at = None if missing else getattr(_module(name), "session_ends_at", None)
    return SourceState(name, missing, ends_at(vault) if ends_at else None)


def open_live(order: Sequence[str], options: Callable[[str], SourceOptions]) -> ChainSource:
    """The sources of `order` as one. `options(name)` is asked once a source. Nothing is called yet.

    Errors: InputError for an empty order; the vendor's own where it cannot be opened.
    """
    opened: list[ChainSource] = [_module(name).open_source(options(name)) for name in order]
    return opened[0] if len(opened) == 1 else FallbackSource(opened)


def open_reference(options: SourceOptions) -> ReferenceSource:
    """The source of slow facts in live mode."""
    source: ReferenceSource = _module(REFERENCE_VENDOR).open_source(options)
    return source


def open_simulated(seed: int, clock: Callable[[], datetime], calendar: MarketCalendar) -> Sources:
    from scanner.sources.simulated import SimulatedSource

    source = SimulatedSource(seed, clock, calendar)
    return Sources(chains=source, reference=source)


def open_recorded(folder: Path | None) -> Sources:
    """Errors: InputError without a folder."""
    from scanner.sources.recorded import RecordedSource

    if folder is None:
        raise InputError("the mode recorded needs a folder of saved answers: set SCANNER_RECORDED_DIR")
    return Sources(chains=RecordedSource(folder), reference=None)


def _missing(vendor: Vendor, credential: Callable[[str], str | None], folder: Path | None) -> str:
    lacking = [name for name in vendor.credentials if not credential(name)]
    if lacking:
        return f"not configured: set {' and '.join(lacking)}"
    return "not configured: set SCANNER_FILE_DIR" if vendor.needs_folder and folder is None else ""


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"scanner.sources.{VENDORS[name].module}")
