"""Flow scans of past sessions of the simulated market, so that charts have a history at the first look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.services.flow_end import mood_of
from app.services.priced_chains import PricedChain, PricedChains
from app.services.symbol_flow import scanned_chain, scanned_expirations, scanned_part, signals_of
from db import data_version, flow_runs, flows, run_symbols, stocks
from db.engine import Database
from db.flows import ScannedChain, Signals
from db.scan_runs import RunSettings
from scanner.calendar import MarketCalendar, scan_slots
from scanner.errors import SourceError

SLOTS_OF_OLDER_SESSIONS: Final = 1
"""Scans of each session before the latest; the last slot is among them."""


@dataclass
class SettableMoment:
    """A clock that stands where it is put."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True, slots=True)
class _Slot:
    at: datetime
    keeps_chains: bool


class FlowBackfill:
    """Scans at past instants. `chains` are those of a market whose clock is `moment`."""

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

    def run(self, *, sessions: int, until: datetime, stopped: Callable[[], bool] = lambda: False) -> int:
        """Scan the slots of the last `sessions` sessions that are not after `until`; return how many scans were made.

        All slots of the latest session, `SLOTS_OF_OLDER_SESSIONS` of each before. A slot that has a scan is passed
        over, so that it may be cut short and repeated. Chains are kept of the latest session and of each last slot.
        """
        slots = list(past_slots(self._chains.calendar, sessions=sessions, until=until))
        with self._database.connection() as connection:
            stocks.add(connection, self._symbols, now=until)
            known = flow_runs.slots_between(connection, slots[0].at, slots[-1].at) if slots else frozenset()
        made = 0
        for slot in slots:
            if stopped():
                break
            made += slot.at not in known and self._scan(slot)
        with self._database.connection() as connection:
            data_version.advance(connection)
        return made

    def _scan(self, slot: _Slot) -> bool:
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
        slot: _Slot,
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
        return True


def past_slots(calendar: MarketCalendar, *, sessions: int, until: datetime) -> Iterator[_Slot]:
    """The slots to scan, ascending."""
    days = [calendar.latest_session(until)]
    for _ in range(sessions - 1):
        days.append(calendar.previous_session(days[-1]))
    for day in reversed(days):
        slots = [slot for slot in scan_slots(day, calendar) if slot <= until]
        latest = day == days[0]
        chosen = slots if latest else _spread(slots, SLOTS_OF_OLDER_SESSIONS)
        for slot in chosen:
            yield _Slot(slot, keeps_chains=latest or slot == slots[-1])


def _spread(slots: Sequence[datetime], count: int) -> list[datetime]:
    """`count` of the slots at even distances, the last one among them."""
    return [slots[len(slots) * number // count - 1] for number in range(1, count + 1)]
