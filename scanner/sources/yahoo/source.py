"""Yahoo as a source of chains and reference data.

Calls: the first request of a process fetches a cookie and a crumb (2 calls). Then a chain costs 1 call, which brings
the listing, the nearest expiration and the underlying's quote, and 1 more for every other chosen expiration: n calls
for n expirations when the nearest is among them. Reference data and daily closes cost 1 call each. A
refused crumb is renewed once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Final
from urllib.parse import quote as url_quote

from scanner.errors import (
    InputError,
    MalformedAnswerError,
    NoOptionsError,
    RateLimitedError,
    SourceAuthError,
    SourceError,
    SymbolError,
    SymbolNotFoundError,
)
from scanner.model import ChainSnapshot, DailyClose, Mode, ReferenceData
from scanner.sources.base import Capabilities, ChooseExpirations, checked_choice
from scanner.sources.payload import PayloadError
from scanner.sources.resilience import Gate
from scanner.sources.yahoo import bars
from scanner.sources.yahoo.client import YahooClient
from scanner.sources.yahoo.options import (
    OptionAnswer,
    OptionBlock,
    chain_frame,
    market_time,
    read_answer,
    underlying_quote,
)
from scanner.sources.yahoo.reference import MODULES, read_reference
from scanner.symbols import is_index_root, normalise

_BASE: Final = "https://query2.finance.yahoo.com"
_DELAY_SECONDS: Final = 15 * 60


def yahoo_symbol(symbol: str) -> str:
    """Yahoo's spelling: a share class after a hyphen (`BRK-B`), an index after a caret (`^SPX`). Raises SymbolError."""
    canonical = normalise(symbol)
    return f"^{canonical}" if is_index_root(canonical) else canonical.replace(".", "-")


class YahooSource:
    """Option chains and company facts from Yahoo, without a key. Blocking, safe to call from several threads.

    Quotes carry no time of their own: `quote_time` is unknown and `answer_time` is the time of the underlying's last
    regular-session trade. `timeout_seconds` bounds one call; every call takes its turn at `gate`.
    """

    name = "yahoo"
    mode = Mode.LIVE
    capabilities = Capabilities(quote_times=False, open_interest=True, vendor_iv=True, delay_seconds=_DELAY_SECONDS)

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        gate: Gate,
        timeout_seconds: float = 15.0,
    ) -> None:
        if not timeout_seconds > 0:
            raise InputError(f"the time limit must be positive, not {timeout_seconds} s")
        self._clock = clock
        self._client = YahooClient(self.name, timeout_seconds=timeout_seconds, gate=gate, clock=clock)

    def chain(self, symbol: str, choose: ChooseExpirations) -> ChainSnapshot:
        """Fetch listing, underlying and the chosen expirations; see `ChainSource`.

        An expiration that fails is named in `missing_expirations`, as is one that comes without contracts. A rate
        limit or a refused session ends the chain, for the next call would meet it too. `fetched_at` is when the first
        answer arrived and `answer_time` the earliest of all, so ages are never understated.
        """
        vendor_symbol = self._vendor_symbol(symbol)
        first = self._options(symbol, vendor_symbol, None)
        fetched_at = self._clock()
        if not first.listed:
            raise NoOptionsError(self.name, symbol, "no options are listed")
        listed = tuple(first.listed)
        chosen = checked_choice(choose(listed), listed)
        others, failed = self._others(symbol, vendor_symbol, first, chosen)
        answers = [first, *others]
        blocks = [block for answer in answers for block in answer.blocks]
        frame, unreadable, notes = chain_frame(blocks)
        return ChainSnapshot(
            symbol=symbol,
            source=self.name,
            mode=self.mode,
            fetched_at=fetched_at,
            answer_time=min((time for answer in answers if (time := market_time(answer.quote))), default=None),
            underlying=underlying_quote(first.quote),
            listed_expirations=listed,
            contracts=frame,
            unreadable=unreadable,
            notes=notes,
            missing_expirations=tuple(sorted({*failed, *_undelivered(chosen, blocks)})),
        )

    def reference(self, symbol: str) -> ReferenceData:
        """Fetch company facts in one call; see `ReferenceSource`."""
        vendor_symbol = self._vendor_symbol(symbol)
        url = f"{_BASE}/v10/finance/quoteSummary/{url_quote(vendor_symbol, safe='')}"
        params = {"modules": ",".join(MODULES), "formatted": "false", "lang": "en-US", "region": "US"}
        body = self._client.get(url, params, symbol=symbol)
        try:
            facts = read_reference(body, symbol=symbol, source=self.name, fetched_at=self._clock())
        except PayloadError as error:
            raise MalformedAnswerError(self.name, symbol, str(error)) from error
        if facts is None:
            raise SymbolNotFoundError(self.name, symbol, "not known to Yahoo")
        return facts

    def closes(self, symbol: str) -> tuple[DailyClose, ...]:
        """Fetch a year of daily closes in one call; see `ReferenceSource`."""
        url = f"{_BASE}/v8/finance/chart/{url_quote(self._vendor_symbol(symbol), safe='')}"
        body = self._client.get(url, bars.PARAMS, symbol=symbol)
        try:
            found = bars.read_closes(body, fetched_at=self._clock())
        except PayloadError as error:
            raise MalformedAnswerError(self.name, symbol, str(error)) from error
        if found is None:
            raise SymbolNotFoundError(self.name, symbol, "not known to Yahoo")
        return found

    def _others(
        self, symbol: str, vendor_symbol: str, first: OptionAnswer, chosen: Sequence[date]
    ) -> tuple[list[OptionAnswer], list[date]]:
        """The answers for what did not come with the first, and the expirations that failed."""
        delivered = {block.expiration for block in first.blocks}
        answers: list[OptionAnswer] = []
        failed: list[date] = []
        for expiration in chosen:
            if expiration in delivered:
                continue
            try:
                answers.append(self._options(symbol, vendor_symbol, first.listed[expiration]))
            except (RateLimitedError, SourceAuthError):
                raise
            except SourceError:
                failed.append(expiration)
        return answers, failed

    def _options(self, symbol: str, vendor_symbol: str, epoch: int | None) -> OptionAnswer:
        url = f"{_BASE}/v7/finance/options/{url_quote(vendor_symbol, safe='')}"
        body = self._client.get(url, {} if epoch is None else {"date": str(epoch)}, symbol=symbol)
        try:
            answer = read_answer(body, vendor_symbol)
        except PayloadError as error:
            raise MalformedAnswerError(self.name, symbol, str(error)) from error
        if not answer.found:
            raise SymbolNotFoundError(self.name, symbol, "not known to Yahoo (empty result)")
        return answer

    def _vendor_symbol(self, symbol: str) -> str:
        try:
            return yahoo_symbol(symbol)
        except SymbolError as error:
            raise SymbolNotFoundError(self.name, symbol, str(error)) from error


def _undelivered(chosen: Sequence[date], blocks: Sequence[OptionBlock]) -> set[date]:
    return set(chosen) - {block.expiration for block in blocks if block.rows}
