from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from app.api.answers import json_bytes
from app.api.board import AGES_SECONDS, AgedBoard, Board, OpportunityBoard, Place, Wanted, aged
from app.services.flow import OpportunityFilters
from scanner.model import AgeCutoffs
from scanner.quality import quote_ages
from scanner.schema import TOP_OPPORTUNITY

ROWS: list[dict[str, Any]] = [
    {"symbol": "SPY", "composite_score": 90, "signal_type": "CONTRARIAN_BULL", "expiry": date(2026, 11, 27), "c": "a"},
    {"symbol": "KO", "composite_score": 75, "signal_type": "NEUTRAL", "expiry": date(2026, 11, 27), "c": "b"},
    {"symbol": "SPY", "composite_score": 75, "signal_type": "NEUTRAL", "expiry": date(2026, 12, 4), "c": "c"},
    {"symbol": "TSLA", "composite_score": 30, "signal_type": "MOMENTUM_BEAR", "expiry": date(2026, 12, 4), "c": None},
]
PLACES = [
    Place(-90, -60.0, "SPY", "a"),
    Place(-75, -900.5, "KO", "b"),
    Place(-75, -70.0, "SPY", "c"),
    Place(-30, -50.0, "TSLA", "d"),
]
CHANGES: dict[str, Any] = {"age_state": "stale", "age_is_minimum": True}
NO_TIME = np.full(len(ROWS), np.datetime64("NaT", "us"))


@pytest.fixture
def board() -> Board:
    return Board(1, ROWS, [json_bytes(row)[:-1] for row in ROWS], PLACES, NO_TIME, NO_TIME)


@pytest.mark.parametrize(
    ("wanted", "positions"),
    [
        (Wanted(limit=9), [0, 1, 2, 3]),
        (Wanted(limit=9, min_composite_score=75), [0, 1, 2]),
        (Wanted(limit=9, min_composite_score=91), []),
        (Wanted(limit=9, symbols=["SPY"]), [0, 2]),
        (Wanted(limit=9, signal_types=["NEUTRAL", "MOMENTUM_BEAR"]), [1, 2, 3]),
        (Wanted(limit=9, expiry=date(2026, 12, 4)), [2, 3]),
        (Wanted(limit=9, symbols=["SPY"], expiry=date(2026, 12, 4), min_composite_score=70), [2]),
        (Wanted(limit=9, symbols=["NVDA"]), []),
    ],
)
def test_every_condition_holds_for_every_row(board: Board, wanted: Wanted, positions: list[int]) -> None:
    assert board.find(wanted) == (positions, None)


def test_pages_lead_through_the_list_once(board: Board) -> None:
    seen, after = [], None
    while True:
        positions, after = board.find(Wanted(limit=1, symbols=["SPY"], after=after))
        seen += positions
        if after is None:
            break
    assert seen == [0, 2]


def test_a_page_that_ends_with_the_list_leads_nowhere(board: Board) -> None:
    assert board.find(Wanted(limit=4)) == ([0, 1, 2, 3], None)
    assert board.find(Wanted(limit=3)) == ([0, 1, 2], PLACES[2])


def test_a_place_holds_where_its_row_has_left(board: Board) -> None:
    assert board.find(Wanted(limit=9, after=Place(-75, -800.0, "GONE", "x"))) == ([2, 3], None)
    assert board.find(Wanted(limit=9, after=Place(0, 0.0, "", ""))) == ([], None)


def with_age(board: Board, **changed: Any) -> AgedBoard:
    age = {"quote_age_seconds": 1.0, "age_is_minimum": False, "age_state": "fresh", **changed}
    return aged(board, [age] * len(board.rows), made_at=0.0)


def test_rows_get_their_ages_behind_what_is_written_already(board: Board) -> None:
    found = with_age(board, quote_age_seconds=None)
    assert json.loads(found.json([0, 3])) == json.loads(json_bytes(found.rows([0, 3])))
    assert [row["quote_age_seconds"] for row in found.rows([0, 3])] == [None, None]
    assert json.loads(found.json([])) == []


def test_the_etag_changes_with_everything_but_the_seconds(board: Board) -> None:
    first = with_age(board)
    assert first.tag([0, 1]) == with_age(board, quote_age_seconds=2.0).tag([0, 1])
    others = {first.tag([0]), first.tag([1, 0]), first.tag([0, 2])}
    others |= {with_age(board, **{name: value}).tag([0, 1]) for name, value in CHANGES.items()}
    assert len({first.tag([0, 1]), *others}) == 6
    assert first.tag([0]).startswith('W/"')


class Flow:
    """Stands for a FlowService: counts how often it is asked."""

    def __init__(self) -> None:
        self.read = self.aged = 0

    def opportunities(self, _: OpportunityFilters) -> Any:
        self.read += 1
        return TOP_OPPORTUNITY.empty()

    def ages(self, quote_time: Any, answer_time: Any) -> Any:
        self.aged += 1
        as_of = datetime(2026, 11, 18, 17, tzinfo=UTC)
        cutoffs = AgeCutoffs(reference=as_of, market_open=True, a=as_of, b=as_of, c=as_of, d=as_of)
        return quote_ages(quote_time, answer_time, as_of=as_of, cutoffs=cutoffs)


def test_rows_are_read_once_per_version_and_ages_serve_for_a_moment() -> None:
    async def run() -> None:
        flow: Any = Flow()
        version, now = 1, 0.0
        held = OpportunityBoard(flow, lambda: version, monotonic=lambda: now)
        await asyncio.gather(*(held.current() for _ in range(10)))
        assert (flow.read, flow.aged) == (1, 1)
        now += AGES_SECONDS
        await held.current()
        assert (flow.read, flow.aged) == (1, 2)
        version = 2
        await asyncio.gather(*(held.current() for _ in range(10)))
        assert (flow.read, flow.aged) == (2, 3)

    asyncio.run(run())
