"""What every source of chains and reference data promises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from scanner.errors import InputError
from scanner.model import ChainSnapshot, DailyClose, Mode, ReferenceData
from scanner.sources.resilience import Gate

if TYPE_CHECKING:
    from scanner.calendar import MarketCalendar  # its import takes long, and settings need names alone

ChooseExpirations = Callable[[Sequence[date]], Sequence[date]]
"""Given the listed expirations in ascending order, the ones to fetch."""


def nearest_only(listed: Sequence[date]) -> Sequence[date]:
    """Choose the first listed expiration."""
    return listed[:1]


def checked_choice(chosen: Sequence[date], listed: Sequence[date]) -> list[date]:
    """The chosen expirations in ascending order, each once. Raises InputError for one that is not listed."""
    unlisted = sorted(set(chosen) - set(listed))
    if unlisted:
        raise InputError(f"expirations {', '.join(map(str, unlisted))} are not listed")
    return sorted(set(chosen))


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a source can give at all. `quote_times`: a time per quote; `delay_seconds`: usual delay, None unknown.

    Greeks are nobody's to give: ours are computed from the quotes.
    """

    quote_times: bool
    open_interest: bool
    vendor_iv: bool
    delay_seconds: float | None
    bid_ask: bool = True


class Vault(Protocol):
    """Where a source keeps what it must remember and nobody may read: sessions, tokens."""

    def get(self, name: str) -> str | None: ...

    def put(self, name: str, value: str) -> None: ...

    def locked(self, name: str) -> AbstractContextManager[None]:
        """Held by one process at a time, on all machines, for renewing the secret of this name."""
        ...


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What a live source is opened with. `credential(name)` is None where the credential is not set."""

    clock: Callable[[], datetime]
    gate: Gate
    timeout_seconds: float
    credential: Callable[[str], str | None]
    vault: Vault
    calendar: MarketCalendar
    folder: Path | None = None


class ChainSource(Protocol):
    """A vendor of option chains. Blocking, safe to call from several threads."""

    name: str
    mode: Mode
    capabilities: Capabilities

    def chain(self, symbol: str, choose: ChooseExpirations) -> ChainSnapshot:
        """Fetch the underlying, the listed expirations and the contracts of the chosen ones.

        Contracts of an expiration that came along unasked are kept. Raises a `SourceError` subclass: nothing is
        returned half-translated, an expiration that failed alone is named in `missing_expirations`.
        """
        ...


class ReferenceSource(Protocol):
    """A vendor of slow facts: sector, earnings, dividends. Own call budget, once a day per symbol."""

    name: str
    mode: Mode

    def reference(self, symbol: str) -> ReferenceData:
        """Raises a `SourceError` subclass; unknown facts are None."""
        ...

    def closes(self, symbol: str) -> Sequence[DailyClose]:
        """The closes of at least the last 61 finished sessions, ascending; fewer where the vendor has no more.

        Raises a `SourceError` subclass.
        """
        ...
