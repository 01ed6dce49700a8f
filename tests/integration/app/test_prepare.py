"""What a start finds in the database it is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app.settings import load_settings
from app.supervisor import prepare_database
from db import stocks
from db.engine import migrate, open_database
from scanner.model import Mode
from scanner.symbols import DEFAULT_UNIVERSE


def test_a_start_killed_between_tables_and_universe_is_completed(
    new_database: Callable[[str | None], str], tmp_path: Path
) -> None:
    dsn = new_database(None)
    migrate(dsn, mode=Mode.SIMULATED)
    settings = load_settings(mode="simulated", database_url=dsn, data_dir=tmp_path)
    prepare_database(settings, None)
    database = open_database(dsn, mode=Mode.SIMULATED)
    with database.connection() as connection:
        assert set(stocks.symbols(connection)) == set(DEFAULT_UNIVERSE)
    database.close()
