"""Polygon (Massive) as a source of chains.

Calls of a chain: the listing costs 1 for every 1,000 call options that are listed (5 for the 8,312 contracts that SPY
listed in 2022). The chosen expirations cost 1 for every 250 contracts, and neighbours are asked for together where that
saves a call: four of 60 contracts each cost 1 in all, four of 240 cost 4. A symbol that lists nothing costs 1 more, to
tell whether it is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

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
from scanner.model import ChainSnapshot, Mode
from scanner.sources.base import ChooseExpirations, checked_choice
from scanner.sources.payload import PayloadError
from scanner.sources.polygon.batches import DateRange, fewest_calls
from scanner.sources.polygon.client import PolygonClient
from scanner.sources.polygon.contracts import Question
from scanner.sources.polygon.listing import INDEX_PREFIX, Listing, read_listing
from scanner.sources.polygon.quotes import (
    UNKNOWN_PLAN,
    QuotedContract,
    chain_frame,
    quoted_contracts,
    seen_capabilities,
)
from scanner.sources.polygon.underlying import underlying_quote
from scanner.sources.resilience import Gate
from scanner.symbols import is_index_root, normalise, option_root

SNAPSHOTS_PER_CALL: Final = 250
LISTED_PER_CALL: Final = 1000
MOST_PAGES_TOGETHER: Final = 4

Answer = tuple[Question, Sequence[Any]]


def polygon_symbol(symbol: str) -> str:
    """Polygon's spelling where market data are meant: an index after a prefix (`I:SPX`). Raises SymbolError."""
    canonical = normalise(symbol)
    return f"{INDEX_PREFIX}{canonical}" if is_index_root(canonical) else canonical


class PolygonSource:
    """Option chains from Polygon. Blocking, safe to call from several threads.

    What a plan does not include is unknown: quotes and their times, volatilities, the underlying's price.
    `capabilities` say what the latest chain showed of the plan. `timeout_seconds` bounds one call.
    """

    name = "polygon"
    mode = Mode.LIVE

    def __init__(self, *, clock: Callable[[], datetime], gate: Gate, timeout_seconds: float, api_key: str) -> None:
        if not timeout_seconds > 0:
            raise InputError(f"the time limit must be positive, not {timeout_seconds} s")
        self.capabilities = UNKNOWN_PLAN
        self._clock = clock
        self._client = PolygonClient(
            self.name, api_key=api_key, timeout_seconds=timeout_seconds, gate=gate, clock=clock
        )

    def chain(self, symbol: str, choose: ChooseExpirations) -> ChainSnapshot:
        """Fetch listing and the chosen expirations, the underlying with them; see `ChainSource`.

        Expirations asked for together fail together and are named in `missing_expirations`, as is one that comes
        without contracts; where every question failed, the first failure is raised. A rate limit or a refused key ends
        the chain, for the next call would meet it too. Where nothing is chosen the underlying stays unknown.
        """
        vendor_symbol, root = self._names(symbol)
        listing = self._listing(symbol, vendor_symbol)
        chosen = checked_choice(choose(listing.expirations), listing.expirations)
        ranges = fewest_calls(chosen, listing.sizes, page_size=SNAPSHOTS_PER_CALL, most_pages=MOST_PAGES_TOGETHER)
        answers = self._answers(symbol, [Question(vendor_symbol, root, one) for one in ranges])
        fetched_at = self._clock()
        quoted, unreadable = self._quoted(symbol, answers, listing, fetched_at)
        frame, notes = chain_frame(quoted)
        rows = [row for _, rows in answers for row in rows]
        underlying, spot_notes = underlying_quote(rows, is_index=is_index_root(root), until=fetched_at)
        if quoted:
            self.capabilities = seen_capabilities(quoted)
        delivered = {one.sized.contract.expiration for one in quoted}
        return ChainSnapshot(
            symbol=symbol,
            source=self.name,
            mode=self.mode,
            fetched_at=fetched_at,
            answer_time=underlying.last_time,
            underlying=underlying,
            listed_expirations=listing.expirations,
            contracts=frame,
            unreadable=dict(unreadable),
            missing_expirations=tuple(day for day in chosen if day not in delivered),
            notes={**notes, **spot_notes},
        )

    def _names(self, symbol: str) -> tuple[str, str]:
        """The symbol in Polygon's spelling and the root of its standard contracts."""
        try:
            return polygon_symbol(symbol), option_root(symbol)
        except SymbolError as error:
            raise SymbolNotFoundError(self.name, symbol, str(error)) from error

    def _listing(self, symbol: str, vendor_symbol: str) -> Listing:
        """Reference data name an index without the prefix of its market data."""
        underlying = vendor_symbol.removeprefix(INDEX_PREFIX)
        params = {
            "underlying_ticker": underlying,
            "contract_type": "call",
            "sort": "expiration_date",
            "order": "asc",
            "limit": str(LISTED_PER_CALL),
        }
        rows = self._client.rows("/v3/reference/options/contracts", params, symbol=symbol)
        if not rows:
            raise self._without_options(symbol, vendor_symbol)
        try:
            listing = read_listing(rows, underlying)
        except PayloadError as error:
            raise MalformedAnswerError(self.name, symbol, str(error)) from error
        if not listing.sizes:
            raise MalformedAnswerError(self.name, symbol, f"none of {len(rows)} listed contracts can be read")
        return listing

    def _without_options(self, symbol: str, vendor_symbol: str) -> SourceError:
        """What it means that nothing is listed. Raises SymbolNotFoundError where Polygon does not know the symbol."""
        body = self._client.get(f"/v3/reference/tickers/{vendor_symbol}", symbol=symbol)
        facts = body.get("results")
        if not isinstance(facts, Mapping) or facts.get("ticker") != vendor_symbol:
            return MalformedAnswerError(
                self.name, symbol, "the facts of the symbol are those of another symbol, or none"
            )
        return NoOptionsError(self.name, symbol, "no options are listed")

    def _answers(self, symbol: str, questions: Sequence[Question]) -> list[Answer]:
        """The rows of every question that was answered. Raises the first error where none was."""
        answers: list[Answer] = []
        failed: list[SourceError] = []
        for question in questions:
            try:
                answers.append((question, self._snapshots(symbol, question.underlying, question.dates)))
            except (RateLimitedError, SourceAuthError):
                raise
            except SourceError as error:
                failed.append(error)
        if failed and not answers:
            raise failed[0]
        return answers

    def _snapshots(self, symbol: str, vendor_symbol: str, dates: DateRange) -> list[Any]:
        params = {
            "expiration_date.gte": dates.first.isoformat(),
            "expiration_date.lte": dates.last.isoformat(),
            "limit": str(SNAPSHOTS_PER_CALL),
        }
        return self._client.rows(f"/v3/snapshot/options/{vendor_symbol}", params, symbol=symbol)

    def _quoted(
        self, symbol: str, answers: Sequence[Answer], listing: Listing, until: datetime
    ) -> tuple[list[QuotedContract], Counter[str]]:
        """Contracts with quotes, and what could not be used. Raises MalformedAnswerError where nothing could."""
        try:
            quoted, unreadable = quoted_contracts(answers, listing, until=until)
        except PayloadError as error:
            raise MalformedAnswerError(self.name, symbol, str(error)) from error
        if unreadable and not quoted:
            reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(unreadable.items()))
            raise MalformedAnswerError(self.name, symbol, f"nothing can be used: {reasons}")
        if listing.unreadable:
            unreadable["bad_listed_contract"] += listing.unreadable
        return quoted, unreadable
