"""Daily closes, for realised volatility."""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    execute("""
        create table daily_closes (
            symbol text collate "C" not null,
            session date not null,
            close double precision not null check (close > 0),
            source text not null,
            fetched_at timestamptz not null,
            primary key (symbol, session)
        );
        comment on table daily_closes is 'Split-adjusted, as of fetched_at: a split rewrites what was before it.';
    """)
