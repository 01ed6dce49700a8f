"""The live sources, each behind its gate, as one: what settings and credentials make of the registry."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.log import redact
from app.settings import Settings
from db.chain_cache import SharedChainCache
from db.engine import Database
from db.source_breakers import SharedBreaker
from db.source_turns import SharedLimiter
from scanner.calendar import MarketCalendar
from scanner.errors import InputError, SourceError
from scanner.sources.base import ChainSource, SourceOptions, Vault
from scanner.sources.cached import CachedSource
from scanner.sources.gate import PolicedGate
from scanner.sources.registry import (
    DEFAULT_ORDER,
    REFERENCE_SHARE,
    REFERENCE_VENDOR,
    VENDORS,
    Sources,
    SourceState,
    open_live,
    open_reference,
    states,
)
from scanner.sources.resilience import Answer, Call, Gate, GatePolicy, RateLimit

PATIENCE_SECONDS: Final = 120.0
SHORT_PATIENCE_SECONDS: Final = 15.0
"""A call whose turn is further away than this goes to the next source."""

Credential = Callable[[str], str | None]


class DiscreetGate:
    """Takes secrets out of what a failed call says before anybody keeps it: vendors may quote what they were sent."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def call(self, send: Callable[[], Answer], *, symbol: str | None) -> Answer:
        def discreet() -> Answer:
            try:
                return send()
            except SourceError as error:
                error.detail, error.args = redact(error.detail), (redact(str(error)),)
                raise

        return self._gate.call(discreet, symbol=symbol)

    def turn(self) -> float:
        return self._gate.turn()


@dataclass(frozen=True, slots=True)
class LiveSources:
    """What live sources are made of. `account` is told of every call."""

    settings: Settings
    database: Database
    clock: Callable[[], datetime]
    credential: Credential
    vault: Vault
    account: Callable[[Call], None]
    calendar: MarketCalendar

    def states(self) -> tuple[SourceState, ...]:
        """Every source in the order it is asked, with what it lacks."""
        order = self.settings.sources or tuple(name for name in DEFAULT_ORDER if name in VENDORS)
        return states(order, credential=self.credential, vault=self.vault, folder=self.settings.file_dir)

    def ready(self) -> tuple[str, ...]:
        """The sources that can be asked, in order."""
        return tuple(state.name for state in self.states() if state.ready)

    def open(self) -> Sources:
        """Errors: InputError where no source is configured; the vendors' own."""
        ready = self.ready()
        if not ready:
            lacking = "; ".join(f"{state.name} {state.missing}" for state in self.states())
            raise InputError(f"no source of chains is configured: {lacking}")
        chains = self._cached(open_live(ready, self._options))
        reference = self._opened_with(REFERENCE_VENDOR, split(self._limit(REFERENCE_VENDOR))[1], purpose="reference")
        return Sources(chains=chains, reference=open_reference(reference))

    def _cached(self, source: ChainSource) -> ChainSource:
        ttl_seconds = self.settings.chain_cache_seconds
        if ttl_seconds == 0:
            return source
        return CachedSource(source, SharedChainCache(self.database), clock=self.clock, ttl_seconds=ttl_seconds)

    def _options(self, name: str) -> SourceOptions:
        limit = self._limit(name)
        return self._opened_with(name, split(limit)[0] if name == REFERENCE_VENDOR else limit)

    def _opened_with(self, name: str, limit: RateLimit, *, purpose: str = "") -> SourceOptions:
        return SourceOptions(
            clock=self.clock,
            gate=self._gate(name, limit, purpose),
            timeout_seconds=self.settings.source_timeouts.get(name, self.settings.source_timeout_seconds),
            credential=self.credential,
            vault=self.vault,
            calendar=self.calendar,
            folder=self.settings.file_dir,
        )

    def _limit(self, name: str) -> RateLimit:
        return self.settings.source_limits.get(name, VENDORS[name].limit)

    def _gate(self, name: str, limit: RateLimit, purpose: str) -> Gate:
        policy = GatePolicy(limit, patience_seconds=self._patience(name, purpose))
        key = ":".join(filter(None, (name, self._fingerprint(name), purpose)))
        return DiscreetGate(
            PolicedGate(
                name,
                policy,
                limiter=SharedLimiter(self.database, key, limit),
                breaker=SharedBreaker(self.database, name, policy.breaker),
                account=self.account,
                chance=random.random,
            )
        )

    def _patience(self, name: str, purpose: str) -> float:
        """How far away a turn may be. Where another source follows it is asked before one waits for long."""
        another_follows = not purpose and name != self.ready()[-1]
        return SHORT_PATIENCE_SECONDS if another_follows else PATIENCE_SECONDS

    def _fingerprint(self, name: str) -> str:
        """Tells one credential from another without telling anything of it."""
        values = [self.credential(one) or "" for one in VENDORS[name].credentials]
        return hashlib.sha256("\n".join(values).encode()).hexdigest()[:12] if values else ""


def split(limit: RateLimit) -> tuple[RateLimit, RateLimit]:
    """A vendor's limit as one for chains and one for slow facts that keep it together.

    Slow facts come one at a time, so that of n + 1 calls a window their spacing lets n at most fall into any.
    """
    slow = max(1, math.floor(limit.calls * REFERENCE_SHARE))
    rest = limit.calls - slow
    chains = dataclasses.replace(limit, calls=rest, burst=min(limit.burst, rest - 1))
    return chains, dataclasses.replace(limit, calls=slow + 1, burst=1)
