"""A folder of saved chains as a source."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from scanner.calendar import MarketCalendar
from scanner.errors import InputError, MalformedAnswerError, SymbolError, SymbolNotFoundError
from scanner.model import ChainSnapshot, Mode, SkippedSource
from scanner.sources.base import Capabilities, ChooseExpirations
from scanner.sources.file.contracts import ReadChain
from scanner.sources.file.folder import NAME, HeldFile, read_file
from scanner.sources.file.saved import Holdings, SavedChains
from scanner.symbols import option_root


class FileSource:
    """Chains the user saved: of each symbol the file with the newest quotes at or before the clock.

    Files may be added, replaced and taken away while it runs. Safe to share among threads.
    """

    name = NAME
    capabilities = Capabilities(quote_times=True, open_interest=True, vendor_iv=True, delay_seconds=None)

    def __init__(
        self, folder: Path, *, clock: Callable[[], datetime], calendar: MarketCalendar, mode: Mode = Mode.LIVE
    ) -> None:
        self.mode = mode
        self._folder = folder
        self._clock = clock
        self._calendar = calendar
        self._saved = SavedChains(folder, calendar)

    def chain(self, symbol: str, choose: ChooseExpirations) -> ChainSnapshot:
        """The newest saved chain of a symbol, reduced to the chosen expirations; `listed` are those of the file.

        Files of which not even the symbol can be read are named in `skipped`. Raises SymbolNotFoundError where no
        file is of this symbol, MalformedAnswerError where one of its files cannot be read, for it may be the newest,
        SourceUnavailableError where the folder cannot be read, InputError for a choice that is not listed.
        """
        holdings = self.holdings()
        held, chain = read_file(self._newest(symbol, holdings).path, self._calendar)
        if option_root(held.symbol) != option_root(symbol):
            raise MalformedAnswerError(self.name, symbol, f"{held.path.name} was replaced while it was read: try again")
        chosen = set(choose(chain.listed))
        if not chosen <= set(chain.listed):
            raise InputError(f"{sorted(chosen - set(chain.listed))} are not listed for {symbol}")
        return ChainSnapshot(
            symbol=symbol,
            source=self.name,
            mode=self.mode,
            fetched_at=held.fetched_at,
            answer_time=chain.answer_time,
            underlying=chain.underlying,
            listed_expirations=chain.listed,
            contracts=_reduced(chain, chosen),
            unreadable=chain.unreadable,
            skipped=tuple(
                SkippedSource(self.name, type(one.error).__name__, one.error.detail)
                for one in holdings.refused
                if one.symbol is None
            ),
        )

    def holdings(self) -> Holdings:
        """What the folder holds now. Unchanged files are not read again. Raises SourceUnavailableError."""
        return self._saved.holdings()

    def _newest(self, symbol: str, holdings: Holdings) -> HeldFile:
        try:
            root = option_root(symbol)
        except SymbolError as error:
            raise SymbolNotFoundError(self.name, symbol, str(error)) from error
        refused = [one for one in holdings.refused if one.symbol is not None and option_root(one.symbol) == root]
        if refused:
            broken = refused[0].error
            raise MalformedAnswerError(self.name, symbol, broken.detail) from broken
        files = [file for file in holdings.files if option_root(file.symbol) == root]
        if not files:
            raise SymbolNotFoundError(self.name, symbol, self._nothing_of(holdings))
        now = self._clock()
        past = [file for file in files if file.time <= now]
        if not past:
            earliest = min(file.time for file in files)
            raise SymbolNotFoundError(
                self.name, symbol, f"its first file in {self._folder} is of {earliest.isoformat()}, later than now"
            )
        return max(past, key=lambda file: (file.time, file.fetched_at, file.path.name))

    def _nothing_of(self, holdings: Holdings) -> str:
        unknown = [one.path.name for one in holdings.refused if one.symbol is None]
        also = f"; not readable there: {', '.join(unknown[:5])}" if unknown else ""
        return f"no chain of it is saved in {self._folder}{also}"


def _reduced(chain: ReadChain, chosen: set[date]) -> pd.DataFrame:
    wanted = chain.contracts["expiration"].isin(pd.to_datetime(sorted(chosen)).as_unit("s"))
    return chain.contracts[wanted].reset_index(drop=True)
