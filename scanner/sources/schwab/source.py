"""Schwab as a source of chains.

Calls: a chain costs 1 call, which brings all expirations and the underlying's quote. Where the whole chain is too wide
for Schwab (SPY, SPX: HTTP 502, or marked as truncated) it is asked for again with fewer strikes, 1 call more per step;
the step that worked is remembered for an hour. The access token is renewed every half hour, 1 call for all processes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from scanner.errors import (
    InputError,
    MalformedAnswerError,
    NoOptionsError,
    SymbolError,
    SymbolNotFoundError,
)
from scanner.model import STRIKES_EACH_SIDE, ChainSnapshot, Mode
from scanner.sources.base import Capabilities, ChooseExpirations, checked_choice
from scanner.sources.payload import PayloadError
from scanner.sources.resilience import Gate
from scanner.sources.schwab.client import SchwabClient
from scanner.sources.schwab.contracts import chain_frame, latest_quote_time
from scanner.sources.schwab.options import ChainAnswer, read_answer, underlying_quote
from scanner.sources.schwab.tokens import NAME, Lock, SchwabCredentials
from scanner.symbols import is_index_root, normalise

STRIKE_STEPS: Final = (None, 100, 40)
"""Strikes asked for above and below the money: first all, then fewer where the answer is too wide."""

_REMEMBERED: Final = timedelta(hours=1)


def schwab_symbol(symbol: str) -> str:
    """Schwab's spelling: a share class after a slash (`BRK/B`), an index after `$` (`$SPX`). Raises SymbolError."""
    canonical = normalise(symbol)
    return f"${canonical}" if is_index_root(canonical) else canonical.replace(".", "/")


class _Narrowed(NamedTuple):
    """The step of STRIKE_STEPS to begin with, until an instant."""

    step: int
    until: datetime


class SchwabSource:
    """Option chains from Schwab for a logged-in person. Blocking, safe to call from several threads.

    Quotes carry their own times, also where an account gets delayed ones. `timeout_seconds` bounds each request.
    `lock` is held around a renewal of the access token and must exclude all processes that share the log-in.
    """

    name = NAME
    mode = Mode.LIVE
    capabilities = Capabilities(quote_times=True, open_interest=True, vendor_iv=True, delay_seconds=0.0)

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        gate: Gate,
        timeout_seconds: float,
        credentials: SchwabCredentials,
        read_token: Callable[[], str | None],
        write_token: Callable[[str], None],
        lock: Lock,
    ) -> None:
        if not timeout_seconds > 0:
            raise InputError(f"the time limit must be positive, not {timeout_seconds} s")
        self._clock = clock
        self._gate = gate
        self._narrowed: dict[str, _Narrowed] = {}
        self._client = SchwabClient(
            clock=clock,
            gate=gate,
            timeout_seconds=timeout_seconds,
            credentials=credentials,
            read_token=read_token,
            write_token=write_token,
            lock=lock,
        )

    def chain(self, symbol: str, choose: ChooseExpirations) -> ChainSnapshot:
        """Fetch underlying and all listed expirations in one call; see `ChainSource`.

        A chosen expiration that came without contracts is named in `missing_expirations`. `answer_time` is the newest
        time of a quote. Where the whole chain is too wide, `notes` says how many strikes there are on a side.
        """
        answer, strikes = self._answer(symbol, _vendor_symbol(symbol), self._first_step(symbol))
        fetched_at = self._clock()
        if not answer.listed:
            if answer.known:
                raise NoOptionsError(self.name, symbol, "no options are listed")
            raise SymbolNotFoundError(self.name, symbol, "not known to Schwab (no quote and no options)")
        chosen = set(checked_choice(choose(answer.listed), answer.listed))
        frame, unreadable = chain_frame(answer.rows)
        return ChainSnapshot(
            symbol=symbol,
            source=self.name,
            mode=self.mode,
            fetched_at=fetched_at,
            answer_time=latest_quote_time(frame),
            underlying=underlying_quote(answer.underlying),
            listed_expirations=answer.listed,
            contracts=frame,
            unreadable=unreadable,
            notes={} if strikes is None else {STRIKES_EACH_SIDE: strikes},
            missing_expirations=tuple(sorted(chosen - {sent.expiration for sent in answer.rows})),
        )

    def _answer(self, symbol: str, vendor_symbol: str, step: int) -> tuple[ChainAnswer, int | None]:
        """The widest chain, from a step of STRIKE_STEPS on, that Schwab delivers whole; and its strikes on a side."""
        answer = self._gate.call(lambda: self._send(symbol, vendor_symbol, step), symbol=symbol)
        if answer is not None:
            return answer, STRIKE_STEPS[step]
        self._narrowed[symbol] = _Narrowed(step + 1, self._clock() + _REMEMBERED)
        return self._answer(symbol, vendor_symbol, step + 1)

    def _send(self, symbol: str, vendor_symbol: str, step: int) -> ChainAnswer | None:
        """None where the chain is too wide; at the last step that is an error like any other."""
        strikes = STRIKE_STEPS[step]
        last = step == len(STRIKE_STEPS) - 1
        body = self._client.chain(vendor_symbol, strikes, symbol=symbol, may_be_too_wide=not last)
        if body is None:
            return None
        try:
            answer = read_answer(body, symbol)
        except PayloadError as error:
            raise MalformedAnswerError(self.name, symbol, str(error)) from error
        if answer.truncated and last:
            raise MalformedAnswerError(self.name, symbol, f"truncated even at {strikes} strikes")
        return None if answer.truncated else answer

    def _first_step(self, symbol: str) -> int:
        narrowed = self._narrowed.get(symbol)
        return narrowed.step if narrowed is not None and self._clock() < narrowed.until else 0


def _vendor_symbol(symbol: str) -> str:
    try:
        return schwab_symbol(symbol)
    except SymbolError as error:
        raise SymbolNotFoundError(NAME, symbol, str(error)) from error
