from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date, timedelta

from db import premium_writing, stock_chains
from db.engine import Database
from scanner.model import SkippedSource
from tests.integration.db.conftest import NOW, TODAY, Priced

SKIPPED = (
    SkippedSource("schwab", "SourceAuthError", "the session has ended"),
    SkippedSource("robinhood", "Incomplete", "did not deliver 2026-12-04"),
)


def test_the_origin_of_rows_names_who_was_asked_before(
    database: Database, universe: tuple[str, ...], priced: Callable[..., Priced]
) -> None:
    one = priced("KO")
    snapshot = dataclasses.replace(
        one.snapshot, source="yahoo", skipped=SKIPPED, missing_expirations=(date(2026, 12, 24),)
    )
    with database.connection() as connection:
        premium_writing.replace_symbol(connection, one.facts, snapshot, now=NOW, today=TODAY)
    with database.connection() as connection:
        found = stock_chains.origins(connection, ["KO", "AAPL"])
    assert set(found) == {"KO"}
    origin = found["KO"]
    assert (origin.source, origin.skipped, origin.contracts) == ("yahoo", SKIPPED, len(one.facts))
    assert origin.missing_expirations == (date(2026, 12, 24),)
    assert not origin.complete


def test_a_later_chain_that_needed_nobody_else_says_so(
    database: Database, universe: tuple[str, ...], priced: Callable[..., Priced]
) -> None:
    one = priced("KO")
    first = dataclasses.replace(one.snapshot, skipped=SKIPPED)
    later = dataclasses.replace(one.snapshot, fetched_at=one.snapshot.fetched_at + timedelta(minutes=5), unreadable={})
    for snapshot in (first, later):
        with database.connection() as connection:
            premium_writing.replace_symbol(connection, one.facts, snapshot, now=NOW + timedelta(minutes=6), today=TODAY)
    with database.connection() as connection:
        origin = stock_chains.origins(connection, ["KO"])["KO"]
    assert origin.skipped == ()
    assert origin.complete
