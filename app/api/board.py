"""The opportunities of now, read once for each version of the stored data and held as rows that only lack their ages.

Filters and places are applied here, in memory: an address that was not asked before costs no question to the database.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, Final, NamedTuple

import numpy as np
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from numpy.typing import NDArray

from app.api.answers import JSON, json_bytes, weak_tag
from app.api.rows import AGES, renamed, rows_of
from app.services.flow import FlowService, OpportunityFilters
from scanner.schema import TOP_OPPORTUNITY, Column


class Place(NamedTuple):
    """Where an opportunity stands in the list; places ascend. Both scores are negative for that."""

    composite_score: int
    whale_exact: float
    symbol: str
    occ_symbol: str


AGES_SECONDS: Final = 0.25
"""For so long ages serve all who ask; kept answers add `cache.TTL_SECONDS`."""

NAMES: Final = {"expiration": "expiry", "option_type": "type", "timestamp": "data_timestamp"}

_FIRST: Final = (
    *("symbol", "expiry", "strike", "type", "underlying_price"),
    *("composite_score", "whale_points", "fresh_points", "skew_points", "signal_type"),
    *("whale_score", "vol_oi_ratio", "skew_25d", "implied_move_pct", "volume", "notional", "put_call_oi_ratio"),
    *("call_wall", "put_wall", "upper_bound", "lower_bound", "data_timestamp", "source", "mode"),
)


def _columns() -> tuple[Column, ...]:
    by_name = {column.name: column for column in renamed(TOP_OPPORTUNITY, NAMES)}
    return tuple(by_name[name] for name in dict.fromkeys((*_FIRST, *by_name)))


STORED: Final = _columns()
FIELDS: Final = (*STORED, *AGES)
"""The fields of an opportunity, those that are asked for most first."""

_AGE_NAMES: Final = [column.name for column in AGES]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which opportunities: None switches a condition off. `after` is a place; those behind it are wanted."""

    limit: int
    min_composite_score: int = 0
    signal_types: Collection[str] | None = None
    expiry: date | None = None
    symbols: Collection[str] | None = None
    after: Place | None = None

    def takes(self, row: Mapping[str, Any]) -> bool:
        """Whether the conditions hold for a row; its place is another matter."""
        return (
            row["composite_score"] >= self.min_composite_score
            and (self.symbols is None or row["symbol"] in self.symbols)
            and (self.signal_types is None or row["signal_type"] in self.signal_types)
            and (self.expiry is None or row["expiry"] == self.expiry)
        )


@dataclass(frozen=True, slots=True)
class Board:
    """All opportunities at one version of the data, best first. Everything runs parallel to `rows`.

    `texts` are the rows as JSON objects without their closing bracket.
    """

    version: int
    rows: Sequence[dict[str, Any]]
    texts: Sequence[bytes]
    places: Sequence[Place]
    quote_time: NDArray[np.datetime64]
    answer_time: NDArray[np.datetime64]

    def find(self, wanted: Wanted) -> tuple[list[int], Place | None]:
        """Positions of the rows that are wanted, and the place of the last where there are more behind it."""
        start = 0 if wanted.after is None else bisect_right(self.places, wanted.after)
        matching = (position for position in range(start, len(self.rows)) if wanted.takes(self.rows[position]))
        found = list(islice(matching, wanted.limit + 1))
        if len(found) <= wanted.limit:
            return found, None
        return found[:-1], self.places[found[-2]]


@dataclass(frozen=True, slots=True)
class AgedBoard:
    """A board with the ages of its quotes at one moment. Everything runs parallel to the rows of the board.

    `texts` are whole JSON objects; `digests` change with everything in a row but the seconds of its age.
    """

    board: Board
    made_at: float
    ages: Sequence[dict[str, Any]]
    texts: Sequence[bytes]
    digests: Sequence[bytes]

    def rows(self, positions: Sequence[int]) -> list[dict[str, Any]]:
        return [self.board.rows[at] | self.ages[at] for at in positions]

    def json(self, positions: Sequence[int]) -> bytes:
        """The rows as a JSON list."""
        return b"[" + b",".join([self.texts[at] for at in positions]) + b"]"

    def tag(self, positions: Sequence[int]) -> str:
        """An ETag of these rows that the seconds of their ages do not change."""
        return weak_tag(JSON, b"".join([self.digests[at] for at in positions]))


def aged(board: Board, ages: Sequence[dict[str, Any]], *, made_at: float) -> AgedBoard:
    """The board with these ages: they are put behind what is written already."""
    states = [f"{age['age_state']}{age['age_is_minimum']}" for age in ages]
    return AgedBoard(
        board=board,
        made_at=made_at,
        ages=ages,
        texts=[text + b"," + json_bytes(age)[1:] for text, age in zip(board.texts, ages, strict=True)],
        digests=[weak_tag(text, state).encode() for text, state in zip(board.texts, states, strict=True)],
    )


class OpportunityBoard:
    """Holds the board of the newest version of the data, and for a moment its ages."""

    def __init__(
        self, flow: FlowService, version: Callable[[], int], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._flow = flow
        self._version = version
        self._monotonic = monotonic
        self._reading = asyncio.Lock()
        self._held: Board | None = None
        self._aged: AgedBoard | None = None

    async def current(self) -> AgedBoard:
        """The board of now. Whoever comes while it is being read waits for the same reading."""
        held = self._held
        if held is None or held.version != self._version():
            async with self._reading:
                version, held = self._version(), self._held
                if held is None or held.version != version:
                    held = self._held = await run_in_threadpool(self._read, version)
        now, found = self._monotonic(), self._aged
        if found is None or found.board is not held or now - found.made_at >= AGES_SECONDS:
            found = self._aged = aged(held, self._ages(held), made_at=now)
        return found

    def _ages(self, board: Board) -> list[dict[str, Any]]:
        ages = self._flow.ages(board.quote_time, board.answer_time)
        seconds = [None if one != one else one for one in ages.seconds.tolist()]
        values = zip(seconds, ages.is_minimum.tolist(), ages.state.tolist(), strict=True)
        return [dict(zip(_AGE_NAMES, age, strict=True)) for age in values]

    def _read(self, version: int) -> Board:
        frame = self._flow.opportunities(OpportunityFilters(limit=None))
        by_name = rows_of(frame, TOP_OPPORTUNITY, NAMES)
        rows = [{column.name: row[column.name] for column in STORED} for row in by_name]
        return Board(
            version=version,
            rows=rows,
            texts=[json_bytes(row)[:-1] for row in rows],
            places=[_place(row) for row in rows],
            quote_time=frame["quote_time"].to_numpy(dtype="datetime64[us]"),
            answer_time=frame["answer_time"].to_numpy(dtype="datetime64[us]"),
        )


def _place(row: dict[str, Any]) -> Place:
    return Place(-row["composite_score"], -row["whale_exact"], row["symbol"], row["occ_symbol"])


def board_of(request: Request) -> OpportunityBoard:
    """The board the application was made with."""
    found: OpportunityBoard = request.app.state.board
    return found
