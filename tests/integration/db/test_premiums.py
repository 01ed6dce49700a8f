from __future__ import annotations

from datetime import UTC, date, timedelta

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from db import premiums, stocks
from db.engine import Database
from tests.integration.db.conftest import NOW, TODAY, Pricer, in_stored_order, store

LATER = NOW + timedelta(minutes=10)


def test_readers_ask_for_one_expiration_and_for_all_expirations(
    database: Database, universe: tuple[str, ...], priced: Pricer
) -> None:
    one, other = priced("AAPL"), priced("KO")
    store(database, one)
    store(database, other)
    expiration = one.facts["expiration"].iloc[0]
    wanted = in_stored_order(one.facts[one.facts["expiration"] == expiration])
    with database.connection() as connection:
        assert_frame_equal(premiums.of_expiration(connection, "AAPL", "AAPL", expiration.date()), wanted)
        days = premiums.expirations(connection)
    both = pd.concat([one.facts, other.facts])["expiration"]
    assert days == tuple(sorted({day.date() for day in both}))


def test_nothing_stored_has_no_expirations_and_no_coverage(database: Database) -> None:
    with database.connection() as connection:
        assert premiums.expirations(connection) == ()
        assert premiums.coverage(connection) == premiums.Coverage(0, 0, 0, None, None, ())


def test_coverage_says_how_much_from_where_and_how_old(
    database: Database, universe: tuple[str, ...], priced: Pricer
) -> None:
    one, other = priced("AAPL"), priced("KO")
    store(database, one)
    store(database, other)
    times = pd.concat([one.facts, other.facts])
    quoted = times["quote_time"].fillna(times["answer_time"])
    with database.connection() as connection:
        covered = premiums.coverage(connection)
        unreadable = premiums.unreadable(connection, ["AAPL", "KO", "TSLA"])
    assert (covered.symbols, covered.symbols_with_data, covered.contracts) == (5, 2, len(times))
    assert (covered.oldest_quote, covered.newest_quote) == (quoted.min(), quoted.max())
    assert covered.sources == ("simulated",)
    assert unreadable == {"AAPL": sum(one.snapshot.unreadable.values()), "KO": sum(other.snapshot.unreadable.values())}


def test_top_premiums_are_the_puts_of_definitions_4(
    database: Database, universe: tuple[str, ...], priced: Pricer
) -> None:
    facts = []
    for symbol in universe:
        store(database, priced(symbol))
        facts.append(priced(symbol).facts)
    with database.connection() as connection:
        premiums.refresh_top_premiums(connection, today=TODAY)
        rows = connection.execute(
            "select symbol, strike, rank, dte, monthly_return, refreshed_for from top_premiums order by symbol, rank"
        ).fetchall()
        best = premiums.top_premiums(connection, limit=3)
    table = pd.concat(facts, ignore_index=True)
    days = (table["expiration"] - pd.Timestamp(TODAY)).dt.days
    expected = table[
        (table["option_type"] == "put")
        & days.between(28, 35)
        & table["delta"].between(-0.35, -0.25)
        & table["quote_reason"].isna()
    ]
    assert len(expected) == len(rows) > 5
    assert {row[3] for row in rows} <= set(range(28, 36))
    assert {row[5] for row in rows} == {TODAY}
    view = pd.DataFrame(rows, columns=["symbol", "strike", "rank", "dte", "monthly_return", "refreshed_for"])
    expected = expected.assign(monthly=expected["premium_pct"] / days[expected.index] * 30)
    for symbol in universe:
        group = view[view["symbol"] == symbol]
        own = expected[expected["symbol"] == symbol].sort_values("monthly", ascending=False)
        assert group["rank"].tolist() == list(range(1, len(own) + 1))
        assert group["monthly_return"].tolist() == pytest.approx(own["monthly"].tolist())
    assert best["symbol"].is_unique
    assert len(best) == 3


def test_the_view_can_be_refreshed_for_any_day(database: Database, universe: tuple[str, ...], priced: Pricer) -> None:
    store(database, priced("AAPL"))
    with database.connection() as connection:
        premiums.refresh_top_premiums(connection, today=date(2030, 1, 1))
        assert premiums.top_premiums(connection, limit=5).empty


def test_vacuum_leaves_the_connection_as_it_was(database: Database, universe: tuple[str, ...], priced: Pricer) -> None:
    store(database, priced("AAPL"))
    with database.connection() as connection:
        premiums.vacuum(connection)
        assert not connection.autocommit
    with database.connection() as connection:
        pages = connection.execute(
            "select sum(relpages), sum(relallvisible) from pg_class "
            "where relkind = 'r' and relname ~ '^(stock_premiums_20|scan_puts|scan_calls)'"
        ).fetchone()
    assert pages is not None
    assert pages[0] == pages[1] > 0


def test_stocks_without_a_chain_are_in_the_overview(
    database: Database, universe: tuple[str, ...], priced: Pricer
) -> None:
    one = priced("AAPL")
    store(database, one)
    with database.connection() as connection:
        rows = {row.symbol: row for row in stocks.overview(connection)}
    assert tuple(rows) == universe
    assert (rows["AAPL"].contracts, rows["AAPL"].synced_at) == (len(one.facts), NOW.astimezone(UTC))
    assert (rows["KO"].contracts, rows["KO"].synced_at) == (0, None)
