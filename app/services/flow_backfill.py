"""Flow scans of past sessions of the simulated market, so that charts have a history at the first look.

Each is one job of the queue, so that all workers share them and one that is killed loses one scan at most.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.services.flow_end import mood_of
from app.services.job_names import PAST_FLOW_TASK
from app.services.priced_chains import PricedChain, PricedChains
from app.services.symbol_flow import scanned_chain, scanned_expirations, scanned_part, signals_of
from db import data_version, flow_runs, flows, jobs, run_symbols, stocks
from db.engine import Database
from db.flows import ScannedChain, Signals
from db.scan_runs import RunSettings
from scanner.calendar import MarketCalendar, scan_slots
from scanner.errors import SourceError

SLOTS_OF_OLDER_SESSIONS: Final = 1
"""Scans of each session before the latest; the last slot is among them."""

PRIORITY: Final = -5
"""Of its jobs in the queue: whatever is asked for now goes first."""


@dataclass
class SettableMoment:
    """A clock that stands where it is put."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True, slots=True)
class PastSlot:
    """A past scan to make; with `keeps_chains` its chains are stored too."""

    at: datetime
    keeps_chains: bool


@dataclass(frozen=True, slots=True)
class BackfillProgress:
    """Of the `total` past scans that were wanted, those `made` and those `waiting` for a worker or in work."""

    total: int
    made: int
    waiting: int


class FlowBackfill:
    """Queues scans at past instants and, inside a worker, makes one. `chains` are of a market whose clock is `moment`.

    Threads take turns: there is one clock.
    """

    def __init__(
        self,
        *,
        database: Database,
        settings: RunSettings,
        chains: PricedChains,
        moment: SettableMoment,
        symbols: Sequence[str],
    ) -> None:
        self._database = database
        self._settings = settings
        self._chains = chains
        self._moment = moment
        self._symbols = tuple(symbols)
        self._one_at_a_time = threading.Lock()

    def queue(self, *, sessions: int, until: datetime) -> tuple[PastSlot, ...]:
        """Queue the scans of the last `sessions` sessions, not after `until`, that are neither made nor queued yet.

        All slots of the latest session, `SLOTS_OF_OLDER_SESSIONS` of each before, newest first: pages show that.
        Chains are kept of the latest session and of each last slot. Returns all that are not made. Safe to repeat.
        """
        slots = tuple(past_slots(self._chains.calendar, sessions=sessions, until=until))
        with self._database.connection() as connection:
            stocks.add(connection, self._symbols, now=until)
            missing = _missing(connection, slots)
            queued = jobs.slots_with_job(connection, PAST_FLOW_TASK)
            wanted = [
                {"slot": slot.at.isoformat(), "keeps_chains": slot.keeps_chains}
                for slot in missing
                if slot.at not in queued
            ]
            jobs.defer(connection, PAST_FLOW_TASK, wanted, priority=PRIORITY)
        return missing

    def progress(self, slots: Sequence[PastSlot]) -> BackfillProgress:
        """Where the scans of `slots` stand."""
        with self._database.connection() as connection:
            waiting = jobs.slots_with_job(connection, PAST_FLOW_TASK)
            missing = _missing(connection, slots)
        return BackfillProgress(
            total=len(slots), made=len(slots) - len(missing), waiting=sum(slot.at in waiting for slot in missing)
        )

    def scan(self, slot: PastSlot) -> bool:
        """Make one scan; False where it was made already, or no symbol has a chain. Called by a worker."""
        with self._one_at_a_time:
            with self._database.connection() as connection:
                if not _missing(connection, [slot]):
                    return False
            return self._scan(slot)

    def _scan(self, slot: PastSlot) -> bool:
        self._moment.now = slot.at
        done: list[PricedChain] = []
        failed: dict[str, SourceError] = {}
        for symbol in self._symbols:
            choose = scanned_expirations(symbol, slot.at, self._chains.calendar)
            try:
                done.append(scanned_part(self._chains.fetch(symbol, choose, now=slot.at), choose))
            except SourceError as error:
                failed[symbol] = error
        if not done:
            return False
        signals, flow = signals_of(done)
        by_symbol = dict(tuple(flow.groupby("symbol")))
        chains = [scanned_chain(one, one, by_symbol.get(one.snapshot.symbol, flow[:0])) for one in done]
        with self._database.connection() as connection:
            flows.ensure_partitions(connection, slot.at, chains)
            with connection.transaction():
                return self._store(connection, slot, signals, chains, failed)

    def _store(
        self,
        connection: Any,
        slot: PastSlot,
        signals: Signals,
        chains: Sequence[ScannedChain],
        failed: dict[str, SourceError],
    ) -> bool:
        run_id = flow_runs.record(connection, slot.at, self._symbols, self._settings, now=slot.at)
        if run_id is None:
            return False
        flows.store_signals(connection, run_id, slot.at, signals)
        for one in chains:
            flows.store_chain(connection, run_id, slot.at, one, whole=slot.keeps_chains)
            run_symbols.succeed(connection, run_id, one.snapshot.symbol, 1, one.account, now=slot.at)
        for symbol, error in failed.items():
            run_symbols.fail(
                connection,
                run_id,
                symbol,
                attempt=1,
                error_class=type(error).__name__,
                message=str(error),
                now=slot.at,
            )
        flow_runs.count_recorded(connection, run_id)
        flow_runs.store_mood(connection, mood_of(signals.skew, run_id=run_id, slot=slot.at))
        data_version.advance(connection)
        return True


def _missing(connection: Any, slots: Sequence[PastSlot]) -> tuple[PastSlot, ...]:
    """Those without a scan, newest first."""
    newest_first = sorted(slots, key=lambda slot: slot.at, reverse=True)
    if not newest_first:
        return ()
    made = flow_runs.slots_between(connection, newest_first[-1].at, newest_first[0].at)
    return tuple(slot for slot in newest_first if slot.at not in made)


def past_slots(calendar: MarketCalendar, *, sessions: int, until: datetime) -> Iterator[PastSlot]:
    """The slots to scan, ascending."""
    days = [calendar.latest_session(until)]
    for _ in range(sessions - 1):
        days.append(calendar.previous_session(days[-1]))
    for day in reversed(days):
        slots = [slot for slot in scan_slots(day, calendar) if slot <= until]
        latest = day == days[0]
        chosen = slots if latest else _spread(slots, SLOTS_OF_OLDER_SESSIONS)
        for slot in chosen:
            yield PastSlot(slot, keeps_chains=latest or slot == slots[-1])


def _spread(slots: Sequence[datetime], count: int) -> list[datetime]:
    """`count` of the slots at even distances, the last one among them."""
    return [slots[len(slots) * number // count - 1] for number in range(1, count + 1)]
