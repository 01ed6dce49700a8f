"""When the universe was put in, so that it is put in once: not kept out by a stock added before, nor put back after."""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    execute("""
        alter table database_info add column seeded_at timestamptz;
        update database_info set seeded_at = now() where exists (select 1 from stocks);
    """)
