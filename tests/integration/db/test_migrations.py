"""Migrations: from nothing to the head, at the same time, wholly or not at all; Procrastinate's as it makes it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import procrastinate
import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from db import partitions
from db.engine import migrate, open_database
from db.revisions import MIGRATIONS_FOLDER, known_revisions
from scanner.errors import DatabaseError, DatabaseModeError, DatabaseSchemaTooNewError, DatabaseTimeoutError
from scanner.model import Mode

NewDatabase = Callable[[str | None], str]
PROJECT = Path(__file__).parents[3]


def test_one_line_of_revisions_named_by_their_files() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_FOLDER))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [known_revisions()[-1]]
    assert [revision.revision for revision in script.walk_revisions()] == list(reversed(known_revisions()))
    assert list(known_revisions()) == [f"{number:04}" for number in range(1, len(known_revisions()) + 1)]


def test_a_new_database_gets_tables_and_mode_and_the_second_time_nothing_happens(new_database: NewDatabase) -> None:
    dsn = new_database(None)
    assert migrate(dsn, mode=Mode.RECORDED)
    assert not migrate(dsn, mode=Mode.RECORDED)
    database = open_database(dsn, mode=Mode.RECORDED)
    with database.connection() as connection:
        assert connection.execute("select mode from database_info").fetchall() == [("recorded",)]
        assert connection.execute("select version_num from alembic_version").fetchall() == [(known_revisions()[-1],)]
    database.close()


def test_nothing_to_do_does_not_import_alembic(database_dsn: str) -> None:
    program = (
        "import os, sys; from db.engine import migrate; from scanner.model import Mode; "
        "assert not migrate(sys.stdin.read(), mode=Mode.SIMULATED); "
        "sys.exit(bool({'alembic', 'sqlalchemy'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", program], input=database_dsn, text=True, cwd=PROJECT, check=True)


def test_the_working_directory_does_not_matter(
    new_database: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert migrate(new_database(None), mode=Mode.LIVE)


def test_many_at_once_migrate_once(new_database: NewDatabase) -> None:
    dsn = new_database(None)
    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(lambda _: migrate(dsn, mode=Mode.LIVE), range(4)))
    assert any(done)
    assert not migrate(dsn, mode=Mode.LIVE)


def test_two_modes_at_once_one_wins(new_database: NewDatabase) -> None:
    dsn = new_database(None)

    def attempt(mode: Mode) -> Mode | type[DatabaseModeError]:
        try:
            migrate(dsn, mode=mode)
        except DatabaseModeError:
            return DatabaseModeError
        return mode

    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(attempt, [Mode.LIVE, Mode.SIMULATED]))
    assert results.count(DatabaseModeError) == 1


def test_a_database_of_another_mode_is_not_touched(database_dsn: str) -> None:
    with psycopg.connect(database_dsn) as connection:
        connection.execute("update alembic_version set version_num = '0001'")
    with pytest.raises(DatabaseModeError):
        migrate(database_dsn, mode=Mode.LIVE)
    with psycopg.connect(database_dsn) as connection:
        assert connection.execute("select version_num from alembic_version").fetchone() == ("0001",)


def test_a_newer_schema_is_not_touched(database_dsn: str) -> None:
    with psycopg.connect(database_dsn) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(DatabaseSchemaTooNewError, match="Update the program"):
        migrate(database_dsn, mode=Mode.SIMULATED)


def test_a_revision_that_fails_leaves_nothing_and_works_later(new_database: NewDatabase) -> None:
    dsn = new_database(None)
    with psycopg.connect(dsn) as connection:
        connection.execute("create table procrastinate_workers (foreign_table int)")
    with pytest.raises(DatabaseError, match="procrastinate_workers"):
        migrate(dsn, mode=Mode.LIVE)
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select version_num from alembic_version").fetchone() == ("0001",)
        heartbeat = (
            "select 1 from pg_attribute where attrelid = 'procrastinate_jobs'::regclass and attname = 'worker_id'"
        )
        assert connection.execute(heartbeat).fetchone() is None
        connection.execute("drop table procrastinate_workers")
    assert migrate(dsn, mode=Mode.LIVE)


def test_waiting_for_another_migration_ends(new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.migrate._LOCK_TIMEOUT_SECONDS", 1)
    dsn = new_database(None)
    with psycopg.connect(dsn) as connection:
        connection.execute("select pg_advisory_lock(7203114022)")
        with pytest.raises(DatabaseTimeoutError, match="lock timeout"):
            migrate(dsn, mode=Mode.LIVE)


def test_rows_stored_before_the_scan_had_its_own_tables_are_scanned(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn, upgrade = new_database(None), command.upgrade
    monkeypatch.setattr(command, "upgrade", lambda config, _: upgrade(config, "0004"))
    migrate(dsn, mode=Mode.SIMULATED)
    monkeypatch.undo()
    with psycopg.connect(dsn) as connection:
        partitions.ensure_premium_partitions(connection, [date(2026, 12, 18)])
        for side, delta, reason in (("put", -0.30, None), ("call", 0.25, None), ("put", None, "no_bid")):
            connection.execute(
                """
                insert into stock_premiums (fetched_at, answer_time, expiry_instant, strike, bid, delta, expiration,
                    multiplier, adjusted, symbol, root, option_type, occ_symbol, source, flags, quote_reason,
                    quote_grade, grade_reasons, price_basis)
                values (now(), '2026-11-18 17:00+00', now(), 100 + coalesce(%(delta)s, 0), 1.5, %(delta)s, '2026-12-18',
                    100, false, 'KO', 'KO', %(side)s, 'KO', 'simulated', '', %(reason)s, 'B', '', 'bid')
                """,
                {"side": side, "delta": delta, "reason": reason},
            )
    assert migrate(dsn, mode=Mode.SIMULATED)
    columns = (
        "symbol, strike, abs_delta, delta_band, bid, volume, (quoted_at at time zone 'UTC')::text, quote_grade::text"
    )
    quoted_at = "2026-11-18 17:00:00"
    assert _rows(dsn, f"select {columns} from scan_puts") == [("KO", 99.70, 0.30, 6, 1.5, None, quoted_at, "B")]
    assert _rows(dsn, f"select {columns} from scan_calls") == [("KO", 100.25, 0.25, 5, 1.5, None, quoted_at, "B")]


@pytest.mark.parametrize("stocks", [0, 1])
def test_a_database_that_has_stocks_counts_as_seeded(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch, stocks: int
) -> None:
    dsn, upgrade = new_database(None), command.upgrade
    monkeypatch.setattr(command, "upgrade", lambda config, _: upgrade(config, "0019"))
    migrate(dsn, mode=Mode.SIMULATED)
    monkeypatch.undo()
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "insert into stocks (symbol, added_at) select 'KO', now() from generate_series(1, %s)", [stocks]
        )
    assert migrate(dsn, mode=Mode.SIMULATED)
    assert _rows(dsn, "select seeded_at is not null from database_info") == [(stocks > 0,)]


CATALOG = {
    "columns": """
        select table_name, column_name, data_type, udt_name, is_nullable, column_default
        from information_schema.columns where table_name like 'procrastinate%' order by 1, 2
    """,
    "constraints": """
        select conrelid::regclass::text, contype, pg_get_constraintdef(oid)
        from pg_constraint where conrelid::regclass::text like 'procrastinate%' order by 1, 2, 3
    """,
    "indexes": """
        select tablename, indexname, indexdef from pg_indexes where tablename like 'procrastinate%'
          and indexname <> 'queue_locked_jobs' order by 1, 2
    """,
    "functions": """
        select proname, pg_get_function_identity_arguments(oid), pg_get_function_result(oid), prolang, prosrc
        from pg_proc where proname like 'procrastinate%' order by 1, 2
    """,
    "types": """
        select typname, typtype, (select array_agg(enumlabel order by enumlabel) from pg_enum where enumtypid = t.oid),
               (select array_agg((attname, format_type(atttypid, atttypmod)) order by attnum) from pg_attribute
                where attrelid = t.typrelid and attnum > 0 and not attisdropped and typtype = 'c')
        from pg_type t where typname like 'procrastinate%' and typtype in ('e', 'c')
          and not exists (select from pg_class where oid = typrelid and relkind <> 'c') order by 1
    """,
    "triggers": """
        select tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) from pg_trigger
        where tgrelid::regclass::text like 'procrastinate%' and not tgisinternal order by 1, 2
    """,
}


@pytest.mark.parametrize("subject", CATALOG)
def test_procrastinate_is_as_its_own_schema_makes_it(
    subject: str, new_database: NewDatabase, database_dsn: str
) -> None:
    fresh = new_database(None)
    procrastinate_app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=fresh))
    with procrastinate_app.open():
        procrastinate_app.schema_manager.apply_schema()
    expected = _rows(fresh, CATALOG[subject])
    assert expected
    assert _rows(database_dsn, CATALOG[subject]) == expected


def test_every_file_of_procrastinate_has_been_run() -> None:
    from importlib import import_module

    last = import_module("db.migrations.versions.0002_queue").LAST
    folder = Path(procrastinate.schema.migrations_path)
    assert max(path.name for path in folder.glob("*.sql")) == last, "a new migration has to run the newer files"


def _rows(dsn: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query).fetchall()
