"""What is worth telling: facts in, alerts out. Nothing here looks at the world or sends anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from scanner.calendar import NEW_YORK, market_date
from scanner.sources.registry import SourceState

OPPORTUNITY: Final = "opportunity"
STALE: Final = "stale data"
SESSION_ENDS: Final = "log-in ends"
SUSPENDED: Final = "source left alone"
DISK: Final = "disk nearly full"
SCAN_FAILED: Final = "flow scan failed"
ENTRANTS: Final = "new in a saved scan"

SESSION_WARNING: Final = timedelta(days=1)
MOST_AGE_IN_SESSION: Final = timedelta(minutes=45)
LEAST_FREE_BYTES: Final = 2_000_000_000
LEAST_FREE_PART: Final = 0.05
LEAST_COVERAGE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Alert:
    """`key` names the episode: the same key is told once until it has ended. `daily`: once a day even so."""

    key: str
    kind: str
    title: str
    body: str
    daily: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """An opportunity as it is told. Times are aware instants; `skew_25d` in vol points, None unknown."""

    symbol: str
    occ_symbol: str
    contract: str
    composite_score: int
    parts: tuple[int, int, int]
    signal_type: str
    skew_25d: float | None
    scanned_at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Suspended:
    """A source that is left alone, with its last error."""

    source: str
    until: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class Scan:
    """The latest flow scan that is over."""

    slot: datetime
    total: int
    succeeded: int


@dataclass(frozen=True, slots=True)
class Entrants:
    """The latest run of a watched scan; `entered` are the OCC symbols that were not in the run before."""

    run_id: int
    scan: str
    as_of: datetime
    entered: Sequence[str]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at. `newest`: of the data that should be fresh now, None without any."""

    now: datetime
    market_open_since: datetime | None
    newest: datetime | None
    opportunities: Sequence[Found] = ()
    sources: Sequence[SourceState] = ()
    suspended: Sequence[Suspended] = ()
    scan: Scan | None = None
    entrants: Sequence[Entrants] = ()
    disk_free: int | None = None
    disk_total: int | None = None


def alerts(facts: Facts) -> tuple[Alert, ...]:
    """Everything worth telling now."""
    return (
        *_opportunities(facts),
        *_stale(facts),
        *_sessions(facts),
        *_suspended(facts.suspended),
        *_scan(facts.scan),
        *_disk(facts),
        *_entrants(facts.entrants),
    )


def _opportunities(facts: Facts) -> Iterator[Alert]:
    for one in facts.opportunities:
        whale, fresh, skew = one.parts
        skew_words = "unknown" if one.skew_25d is None else f"{one.skew_25d:+.1f} vol points"
        yield Alert(
            f"{OPPORTUNITY}:{one.occ_symbol}:{market_date(one.scanned_at)}",
            OPPORTUNITY,
            f"{one.composite_score} of 100: {one.contract}",
            f"{one.contract}: composite score {one.composite_score} (whale {whale}, fresh open interest {fresh}, skew "
            f"{skew}), {one.signal_type}, 25-delta skew {skew_words}. Scan of {_new_york(one.scanned_at)}, "
            f"source {one.source}. Volume carries no side. See the page Top Opportunities.",
            daily=True,
        )


def _stale(facts: Facts) -> Iterator[Alert]:
    """In session, once it has lasted longer than data may be old."""
    opened = facts.market_open_since
    if opened is None or facts.now - opened < MOST_AGE_IN_SESSION:
        return
    if facts.newest is None or facts.now - facts.newest > MOST_AGE_IN_SESSION:
        newest = "nothing is stored" if facts.newest is None else f"the newest is of {_new_york(facts.newest)}"
        yield Alert(
            STALE,
            STALE,
            "The data are stale",
            f"The market is open and {newest}, older than {MOST_AGE_IN_SESSION.seconds // 60} minutes. "
            "Look at the page System: is a worker running, does a source answer?",
        )


def _sessions(facts: Facts) -> Iterator[Alert]:
    for one in facts.sources:
        ends = one.session_ends_at
        if ends is not None and ends - facts.now < SESSION_WARNING:
            word = "ends" if ends > facts.now else "has ended"
            yield Alert(
                f"{SESSION_ENDS}:{one.name}:{ends.isoformat()}",
                SESSION_ENDS,
                f"The log-in at {one.name} {word}",
                f"The log-in at {one.name} {word} {_new_york(ends)}. Renew it: python -m app.cli login {one.name}",
            )


def _suspended(suspended: Iterable[Suspended]) -> Iterator[Alert]:
    for one in suspended:
        until = f" until {_new_york(one.until)}" if one.until else ""
        yield Alert(
            f"{SUSPENDED}:{one.source}",
            SUSPENDED,
            f"{one.source} is left alone",
            f"{one.source} failed several times in a row and is left alone{until}. It said last: {one.error} "
            "The page System has a button to ask it again.",
        )


def _scan(scan: Scan | None) -> Iterator[Alert]:
    if scan is not None and scan.succeeded < LEAST_COVERAGE * scan.total:
        yield Alert(
            f"{SCAN_FAILED}:{scan.slot.isoformat()}",
            SCAN_FAILED,
            "A flow scan failed",
            f"The flow scan of {_new_york(scan.slot)} has {scan.succeeded} of {scan.total} symbols. What failed, and "
            "why, is on the page System.",
        )


def _entrants(found: Iterable[Entrants]) -> Iterator[Alert]:
    for one in found:
        named = ", ".join(one.entered[:_MOST_NAMED])
        more = len(one.entered) - _MOST_NAMED
        yield Alert(
            f"{ENTRANTS}:{one.run_id}",
            ENTRANTS,
            f"{len(one.entered)} new in {one.scan}",
            f"The saved scan {one.scan} of {_new_york(one.as_of)} has contracts that the run before had not: "
            f"{named}{f' and {more} more' if more > 0 else ''}. See the page Saved Scans.",
        )


_MOST_NAMED: Final = 20


def _disk(facts: Facts) -> Iterator[Alert]:
    free, total = facts.disk_free, facts.disk_total
    if free is None or not total or (free >= LEAST_FREE_BYTES and free >= LEAST_FREE_PART * total):
        return
    yield Alert(
        DISK,
        DISK,
        "The disk is nearly full",
        f"{free / 1e9:.1f} GB of {total / 1e9:.0f} GB are free where the data are. Make room, keep fewer days "
        "(SCANNER_KEEP_DAYS), or let SCANNER_ARCHIVE name another place.",
    )


def _new_york(instant: datetime) -> str:
    return f"{instant.astimezone(NEW_YORK):%a %Y-%m-%d %H:%M} New York"
