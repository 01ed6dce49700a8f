from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pandas as pd
import psycopg
import pytest
from pandas.testing import assert_frame_equal

from db import data_version, premium_writing, premiums, run_symbols, scan_runs, snapshots
from db.engine import Database
from db.run_symbols import Claim
from scanner.errors import DatabaseError, InputError, SchemaError, SupersededError
from scanner.schema import PREMIUM
from tests.integration.db.conftest import NOW, SETTINGS, TODAY, Priced, Pricer, in_stored_order, store

LATER = NOW + timedelta(minutes=10)


def stored(database: Database, *symbols: str) -> pd.DataFrame:
    with database.connection() as connection:
        return premiums.of_symbols(connection, symbols)


def value(database: Database, query: str) -> object:
    with database.connection() as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def counted(database: Database) -> object:
    return value(database, "select sum(contracts) from stock_premium_counts")


def scanned_as_stored(database: Database) -> bool:
    """Whether the tables of the Database Scan hold exactly the stored contracts with a good quote."""
    scanned = """
        select 'put' as side, symbol, root, expiration, strike, premium_pct from scan_puts
        union all select 'call', symbol, root, expiration, strike, premium_pct from scan_calls
    """
    stored = """
        select option_type, symbol, root, expiration, strike, premium_pct from stock_premiums where quote_reason is null
    """
    return (
        value(
            database,
            f"select not exists (({scanned}) except all ({stored})) and not exists (({stored}) except all ({scanned}))",
        )
        is True
    )


def delivered(one: Priced, kept: pd.Series, **changes: object) -> Priced:
    """The same answer with only the rows `kept`, a little later."""
    changed = {"fetched_at": LATER, "contracts": one.snapshot.contracts[kept.to_numpy()].reset_index(drop=True)}
    facts = one.facts[kept].reset_index(drop=True)
    return Priced(dataclasses.replace(one.snapshot, **{**changed, **changes}), facts)  # type: ignore[arg-type]


def test_what_is_stored_comes_back_unchanged(database: Database, universe: tuple[str, ...], priced: Pricer) -> None:
    one = priced("AAPL")
    assert store(database, one) == len(one.facts) > 50
    assert scanned_as_stored(database)
    assert_frame_equal(stored(database, "AAPL"), in_stored_order(one.facts), check_exact=True)


def test_the_declared_columns_and_the_tables_are_the_same(database: Database) -> None:
    with database.connection() as connection:
        rows = connection.execute(
            "select column_name, is_nullable = 'YES' from information_schema.columns "
            "where table_name = 'stock_premiums'"
        ).fetchall()
    assert dict(rows) == {
        **{column.name: column.null for column in PREMIUM.columns},
        "scan_id": True,
    }


def test_a_symbol_without_rows_reads_as_an_empty_declared_frame(database: Database) -> None:
    assert_frame_equal(stored(database, "AAPL"), PREMIUM.empty())


def test_contracts_no_longer_delivered_leave(database: Database, universe: tuple[str, ...], priced: Pricer) -> None:
    one, other = priced("AAPL"), priced("KO")
    store(database, one)
    store(database, other)
    fewer = delivered(one, one.facts["strike"] > one.facts["spot"])
    store(database, fewer, now=LATER)
    assert_frame_equal(stored(database, "AAPL"), in_stored_order(fewer.facts))
    assert_frame_equal(stored(database, "KO"), in_stored_order(other.facts))
    assert counted(database) == len(fewer.facts) + len(other.facts)
    assert scanned_as_stored(database)


def test_an_expiration_that_failed_alone_keeps_its_rows(
    database: Database, universe: tuple[str, ...], priced: Pricer
) -> None:
    one = priced("AAPL")
    store(database, one)
    failed = one.facts["expiration"].iloc[0]
    fewer = delivered(one, one.facts["expiration"] != failed, missing_expirations=(failed.date(),))
    store(database, fewer, now=LATER)
    assert_frame_equal(stored(database, "AAPL"), in_stored_order(one.facts))
    assert counted(database) == value(database, "select contracts from stock_chains") == len(one.facts)
    assert scanned_as_stored(database)


def test_an_expired_one_leaves_even_when_its_expiration_failed(
    database: Database, universe: tuple[str, ...], priced: Pricer
) -> None:
    one = priced("AAPL")
    store(database, one)
    failed = one.facts["expiration"].min()
    fewer = delivered(one, one.facts["expiration"] != failed, missing_expirations=(failed.date(),))
    with database.connection() as connection:
        day_after = failed.date() + timedelta(days=1)
        premium_writing.replace_symbol(connection, fewer.facts, fewer.snapshot, now=LATER, today=day_after)
    assert_frame_equal(stored(database, "AAPL"), in_stored_order(fewer.facts))
    assert scanned_as_stored(database)


def test_expired_contracts_of_all_symbols_can_be_removed(
    database: Database, universe: tuple[str, ...], priced: Pricer
) -> None:
    one = priced("AAPL")
    store(database, one)
    first = one.facts["expiration"].min()
    expired = int((one.facts["expiration"] == first).sum())
    with database.connection() as connection:
        assert premiums.delete_expired(connection, today=first.date()) == 0
        assert premiums.delete_expired(connection, today=first.date() + timedelta(days=1)) == expired
    left = len(one.facts) - expired
    assert len(stored(database, "AAPL")) == counted(database) == left
    assert value(database, "select contracts from stock_chains") == left
    assert scanned_as_stored(database)


def test_the_snapshot_is_appended_in_the_same_transaction(
    database: Database, universe: tuple[str, ...], priced: Pricer
) -> None:
    one, two = priced("AAPL"), priced("AAPL", LATER)
    store(database, one)
    store(database, two, now=LATER)
    with database.connection() as connection:
        first = snapshots.latest(connection, "AAPL", as_of=LATER - timedelta(seconds=1))
        second = snapshots.latest(connection, "AAPL", as_of=LATER)
        before = snapshots.latest(connection, "AAPL", as_of=NOW - timedelta(seconds=1))
    assert first is not None
    assert second is not None
    assert before is None
    assert_frame_equal(first.contracts, one.snapshot.contracts)
    assert_frame_equal(second.contracts, two.snapshot.contracts)


def test_the_symbol_of_the_run_succeeds_with_its_account(
    database: Database, universe: tuple[str, ...], priced: Pricer
) -> None:
    one = priced("AAPL")
    with database.connection() as connection:
        run_id = scan_runs.start_or_join(connection, ["AAPL"], SETTINGS, now=NOW).run_id
        attempt = run_symbols.claim(connection, run_id, "AAPL", worker="w:1", now=NOW)
    assert attempt == 1
    store(database, one, claim=Claim(run_id, attempt, fetch_ms=12.5, price_ms=3.25))
    with database.connection() as connection:
        row = connection.execute(
            "select state, fetched, stored, iv_null, fetch_ms, price_ms, store_ms > 0, source, error_class "
            "from scan_run_symbols"
        ).fetchone()
    assert row is not None
    state, fetched, rows, iv_null, *rest = row
    assert (state, fetched, rows) == ("succeeded", one.snapshot.fetched_count, len(one.facts))
    assert iv_null == one.facts["iv_reason"].value_counts().to_dict()
    assert rest == [12.5, 3.25, True, "simulated", None]
    assert value(database, "select distinct scan_id from stock_premiums") == run_id


def test_the_data_version_advances_with_the_rows_but_not_with_every_symbol(
    database: Database, universe: tuple[str, ...], priced: Pricer
) -> None:
    with database.connection() as connection:
        connection.execute("update data_version set advanced_at = now() - interval '1 minute'")
        before = data_version.current(connection)
    store(database, priced("AAPL"))
    store(database, priced("KO"))
    with database.connection() as connection:
        assert data_version.current(connection) == before + 1


def test_an_older_chain_never_replaces_a_newer_one(
    database: Database, universe: tuple[str, ...], priced: Pricer
) -> None:
    old, new = priced("AAPL"), priced("AAPL", LATER)
    store(database, new, now=LATER)
    with pytest.raises(SupersededError):
        store(database, old)
    assert_frame_equal(stored(database, "AAPL"), in_stored_order(new.facts))
    assert value(database, "select count(*) from chain_snapshots") == 1


def test_a_worker_that_was_given_up_stores_nothing(
    database: Database, universe: tuple[str, ...], priced: Pricer
) -> None:
    with database.connection() as connection:
        run_id = scan_runs.start_or_join(connection, ["AAPL"], SETTINGS, now=NOW).run_id
        first = run_symbols.claim(connection, run_id, "AAPL", worker="w:1", now=NOW)
        second = run_symbols.claim(connection, run_id, "AAPL", worker="w:2", now=LATER)
    assert (first, second) == (1, 2)
    with pytest.raises(SupersededError):
        store(database, priced("AAPL"), claim=Claim(run_id, 1))
    assert stored(database, "AAPL").empty
    assert value(database, "select count(*) from chain_snapshots") == 0
    store(database, priced("AAPL"), claim=Claim(run_id, 2))
    assert value(database, "select state from scan_run_symbols") == "succeeded"


def test_duplicate_contracts_are_refused_whole(database: Database, universe: tuple[str, ...], priced: Pricer) -> None:
    one = priced("AAPL")
    store(database, one)
    twice = pd.concat([one.facts, one.facts.tail(1)], ignore_index=True)
    again = dataclasses.replace(one.snapshot, fetched_at=LATER)
    with pytest.raises(SchemaError, match="duplicate key"):
        store(database, Priced(again, twice), now=LATER)
    assert_frame_equal(stored(database, "AAPL"), in_stored_order(one.facts))
    store(database, priced("AAPL", LATER), now=LATER)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda facts: facts.drop(columns="delta"), "delta is missing"),
        (lambda facts: facts.assign(wings=1.0), "wings is not declared"),
        (lambda facts: facts.assign(strike=facts["strike"].astype("int64")), "strike is int64"),
        (lambda facts: facts.assign(flags=pd.Series([None] * len(facts), dtype="str")), "flags"),
    ],
)
def test_a_frame_of_another_form_is_refused(
    database: Database,
    universe: tuple[str, ...],
    priced: Pricer,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    says: str,
) -> None:
    one = priced("AAPL")
    with pytest.raises(SchemaError, match=says):
        store(database, Priced(one.snapshot, change(one.facts)))
    assert stored(database, "AAPL").empty


def test_columns_in_another_order_are_the_same_frame(
    database: Database, universe: tuple[str, ...], priced: Pricer
) -> None:
    one = priced("KO")
    store(database, Priced(one.snapshot, one.facts[PREMIUM.names[::-1]]))
    assert_frame_equal(stored(database, "KO"), in_stored_order(one.facts))


def test_a_symbol_outside_the_universe_is_refused(database: Database, priced: Pricer) -> None:
    with pytest.raises(InputError, match="not in the universe: AAPL"):
        store(database, priced("AAPL"))
    assert value(database, "select count(*) from chain_snapshots") == 0


def test_rows_of_another_symbol_are_refused(database: Database, universe: tuple[str, ...], priced: Pricer) -> None:
    with pytest.raises(InputError, match="another symbol"):
        store(database, Priced(priced("AAPL").snapshot, priced("KO").facts))


def test_a_symbol_is_stored_in_a_transaction_of_its_own(
    database: Database, universe: tuple[str, ...], priced: Pricer
) -> None:
    one = priced("AAPL")
    with database.connection() as connection:
        connection.execute("select 1")
        with pytest.raises(InputError, match="its own"):
            premium_writing.replace_symbol(connection, one.facts, one.snapshot, now=NOW, today=TODAY)


def test_a_chain_without_contracts_empties_the_symbol(
    database: Database, universe: tuple[str, ...], priced: Pricer
) -> None:
    one = priced("AAPL")
    store(database, one)
    none = delivered(one, pd.Series(False, index=one.facts.index))
    assert store(database, none, now=LATER) == 0
    assert stored(database, "AAPL").empty
    assert counted(database) is None
    assert scanned_as_stored(database)


def test_two_writers_of_one_symbol_leave_the_whole_of_the_newer(
    database: Database, universe: tuple[str, ...], priced: Pricer
) -> None:
    answers = [priced("AAPL", NOW + timedelta(minutes=minute)) for minute in range(8)]

    def write(one: Priced) -> bool:
        try:
            store(database, one, now=one.snapshot.fetched_at)
        except SupersededError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(write, answers))
    assert done[-1]
    assert_frame_equal(stored(database, "AAPL"), in_stored_order(answers[-1].facts))
    assert counted(database) == len(answers[-1].facts)
    assert value(database, "select count(*) from chain_snapshots") == sum(done)
    assert scanned_as_stored(database)


def test_a_connection_killed_in_the_middle_leaves_nothing_half_written(
    database: Database, database_dsn: str, universe: tuple[str, ...], priced: Pricer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = priced("AAPL"), priced("AAPL", LATER)
    store(database, one)
    append = snapshots.append

    def killed(connection: psycopg.Connection[object], *args: object, **kwargs: object) -> None:
        with psycopg.connect(database_dsn, autocommit=True) as other:
            other.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])
        append(connection, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(snapshots, "append", killed)
    with pytest.raises(DatabaseError):
        store(database, two, now=LATER)
    monkeypatch.undo()
    assert_frame_equal(stored(database, "AAPL"), in_stored_order(one.facts))
    assert value(database, "select count(*) from chain_snapshots") == 1
    assert scanned_as_stored(database)
    store(database, two, now=LATER)
    assert_frame_equal(stored(database, "AAPL"), in_stored_order(two.facts))
