"""Each symbol's volatility thirty days ahead, a value for each session."""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    execute("""
        create table iv_history (
            symbol text collate "C" not null,
            session date not null,
            iv30 double precision,
            reason text,
            near_expiration date,
            far_expiration date,
            quoted_at timestamptz not null,
            source text not null,
            primary key (symbol, session),
            check ((iv30 is null) = (reason is not null))
        );
        comment on table iv_history is
            'At-the-money volatility at thirty days, decimal; of a session the latest quotes count.';
    """)
