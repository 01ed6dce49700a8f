"""Robinhood as a source of chains.

Calls of a chain: the instrument, the chain and the underlying's quote cost 1 each; an expiration costs 1 for every 100
contracts it lists and 1 for every `batch_size` of them: 7 calls for one expiration of 120 contracts at 60 a batch.
A log-in costs 1 more, once a day; an approval under way up to 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypeVar
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
from scanner.model import ChainSnapshot, Mode, UnderlyingQuote
from scanner.sources.base import Capabilities, ChooseExpirations, checked_choice
from scanner.sources.payload import PayloadError
from scanner.sources.resilience import Gate
from scanner.sources.robinhood.client import RobinhoodClient
from scanner.sources.robinhood.credentials import RobinhoodCredentials
from scanner.sources.robinhood.listing import (
    ListedContract,
    Listing,
    Stock,
    UnreadableError,
    read_contract,
    read_listing,
    read_page,
    read_stock,
)
from scanner.sources.robinhood.quotes import (
    QuotedContract,
    chain_frame,
    quoted_contracts,
    read_market_data,
    underlying_quote,
)
from scanner.sources.robinhood.wire import BASE
from scanner.symbols import is_index_root, normalise, option_root

DEFAULT_BATCH_SIZE: Final = 60
"""Instruments per market data call: about 2,300 characters of address. Robinhood's own limit is not documented."""

_MOST_PAGES: Final = 50

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class _Expiration:
    """What one expiration lists, before its quotes are asked for."""

    day: date
    contracts: tuple[ListedContract, ...]
    unreadable: Counter[str]


class RobinhoodSource:
    """Option chains from Robinhood, in real time. Blocking, safe to call from several threads.

    `gate` gives every call its turn. `timeout_seconds` bounds one call. `read_session` and `write_session` keep the
    session's text (a secret) between processes; the other credentials are needed when it has ended.
    """

    name = "robinhood"
    mode = Mode.LIVE
    capabilities = Capabilities(quote_times=True, open_interest=True, vendor_iv=True, delay_seconds=0.0)

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        gate: Gate,
        timeout_seconds: float,
        credentials: RobinhoodCredentials,
        read_session: Callable[[], str | None],
        write_session: Callable[[str], None],
        batch_size: int = DEFAULT_BATCH_SIZE,
    ) -> None:
        if not timeout_seconds > 0:
            raise InputError(f"the time limit must be positive, not {timeout_seconds} s")
        if batch_size < 1:
            raise InputError(f"the batch size must be at least 1, not {batch_size}")
        self._clock = clock
        self._batch_size = batch_size
        self._client = RobinhoodClient(
            self.name,
            clock=clock,
            gate=gate,
            timeout_seconds=timeout_seconds,
            credentials=credentials,
            read_session=read_session,
            write_session=write_session,
        )

    def chain(self, symbol: str, choose: ChooseExpirations) -> ChainSnapshot:
        """Fetch listing, underlying and the chosen expirations; see `ChainSource`.

        An expiration that fails is named in `missing_expirations`, as is one that lists no contracts; where every
        chosen one failed, the first failure is raised. A rate limit or a refused session ends the chain, for the next
        call would meet it too. The underlying is asked for after the listings, right before the option quotes.
        """
        canonical = self._canonical(symbol)
        stock = self._stock(symbol, canonical)
        listing = self._listing(symbol, canonical, stock)
        chosen = checked_choice(choose(listing.expirations), listing.expirations)
        failed: dict[date, SourceError] = {}
        listed = _each(chosen, failed, lambda day: self._listed(symbol, listing, day))
        underlying = self._underlying(symbol, canonical, stock)
        filled = [day for day, expiration in listed.items() if expiration.contracts or expiration.unreadable]
        quoted = _each(filled, failed, lambda day: self._quoted(symbol, listed[day]))
        return ChainSnapshot(
            symbol=symbol,
            source=self.name,
            mode=self.mode,
            fetched_at=self._clock(),
            answer_time=underlying.quote_time or underlying.last_time,
            underlying=underlying,
            listed_expirations=listing.expirations,
            contracts=chain_frame([contract for contracts, _ in quoted.values() for contract in contracts]),
            unreadable=dict(sum((counts for _, counts in quoted.values()), Counter[str]())),
            missing_expirations=tuple(day for day in chosen if day not in quoted),
        )

    def _canonical(self, symbol: str) -> str:
        try:
            canonical = normalise(symbol)
        except SymbolError as error:
            raise SymbolNotFoundError(self.name, symbol, str(error)) from error
        if is_index_root(canonical):
            raise SymbolNotFoundError(self.name, symbol, "indices are not among Robinhood's instruments")
        return canonical

    def _stock(self, symbol: str, canonical: str) -> Stock:
        url = f"{BASE}/instruments/"
        stock = self._ask(symbol, url, {"symbol": canonical}, lambda body: read_stock(body, canonical))
        if stock is None:
            raise SymbolNotFoundError(self.name, symbol, "not known to Robinhood (empty result)")
        return stock

    def _listing(self, symbol: str, canonical: str, stock: Stock) -> Listing:
        """The chain. Without its id Robinhood would answer with everybody's contracts, so there is no such call."""
        chain_id = stock.chain_id
        if chain_id is None:
            raise NoOptionsError(self.name, symbol, "no options are listed")
        url = f"{BASE}/options/chains/{_segment(chain_id)}/"
        root = option_root(canonical)
        listing = self._ask(symbol, url, {}, lambda body: read_listing(body, chain_id=chain_id, root=root))
        if not listing.expirations:
            raise NoOptionsError(self.name, symbol, "no expirations are listed")
        return listing

    def _listed(self, symbol: str, listing: Listing, day: date) -> _Expiration:
        contracts: list[ListedContract] = []
        unreadable: Counter[str] = Counter()
        for row in self._listed_rows(symbol, listing, day):
            try:
                contracts.append(read_contract(row, listing, day))
            except UnreadableError as error:
                unreadable[str(error)] += 1
        return _Expiration(day, tuple(contracts), unreadable)

    def _listed_rows(self, symbol: str, listing: Listing, day: date) -> list[Any]:
        url = f"{BASE}/options/instruments/"
        params = {
            "chain_id": listing.chain_id,
            "chain_symbol": listing.chain_symbol,
            "expiration_dates": day.isoformat(),
            "state": "active",
        }
        found: list[Any] = []
        for _ in range(_MOST_PAGES):
            page, following = self._ask(symbol, url, params, lambda body: read_page(body, listing))
            found.extend(page)
            if following is None:
                return found
            if not following.startswith(f"{BASE}/"):
                raise MalformedAnswerError(self.name, symbol, "the next page is at another address than Robinhood's")
            url, params = following, {}
        raise MalformedAnswerError(self.name, symbol, f"an expiration does not end after {_MOST_PAGES} pages")

    def _quoted(self, symbol: str, expiration: _Expiration) -> tuple[list[QuotedContract], Counter[str]]:
        """Contracts with quotes, and what could not be used. Raises MalformedAnswerError where nothing could."""
        found: list[Any] = []
        ids = list(dict.fromkeys(one.instrument_id for one in expiration.contracts))
        for start in range(0, len(ids), self._batch_size):
            params = {"ids": ",".join(ids[start : start + self._batch_size])}
            found.extend(self._ask(symbol, f"{BASE}/marketdata/options/", params, read_market_data))
        quoted, unreadable = quoted_contracts(expiration.contracts, found, until=self._clock())
        unreadable += expiration.unreadable
        if not quoted:
            reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(unreadable.items()))
            raise MalformedAnswerError(self.name, symbol, f"nothing of {expiration.day} can be used: {reasons}")
        return quoted, unreadable

    def _underlying(self, symbol: str, canonical: str, stock: Stock) -> UnderlyingQuote:
        url = f"{BASE}/marketdata/quotes/{_segment(stock.instrument_id)}/"
        return self._ask(symbol, url, {}, lambda body: underlying_quote(body, symbol=canonical, until=self._clock()))

    def _ask(self, symbol: str, url: str, params: Mapping[str, str], read: Callable[[Any], Read]) -> Read:
        """One call and what is read from its answer. Raises MalformedAnswerError and what the client raises."""
        body = self._client.get(url, params, symbol=symbol)
        try:
            return read(body)
        except PayloadError as error:
            raise MalformedAnswerError(self.name, symbol, str(error)) from error


def _each(days: Sequence[date], failed: dict[date, SourceError], fetch: Callable[[date], Read]) -> dict[date, Read]:
    """What was fetched of each day; what failed goes to `failed`. Raises its first error where nothing succeeded."""
    fetched: dict[date, Read] = {}
    for day in days:
        try:
            fetched[day] = fetch(day)
        except (RateLimitedError, SourceAuthError):
            raise
        except SourceError as error:
            failed[day] = error
    if failed and not fetched:
        raise next(iter(failed.values()))
    return fetched


def _segment(identifier: str) -> str:
    """An id of the vendor's as a part of an address."""
    return url_quote(identifier, safe="")
