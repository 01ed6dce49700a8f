"""Which sources were asked in vain before the one whose chain is stored, and what is worth knowing of its answer."""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    execute("""
        alter table stock_chains
            add column skipped jsonb not null default '[]',
            add column notes jsonb not null default '{}';
        comment on column stock_chains.skipped is
            'A list of [source, error class, detail]: sources asked before the one that answered.';
        comment on column stock_chains.notes is 'Numbers by kind (scanner.model.ChainSnapshot.notes).';
    """)
