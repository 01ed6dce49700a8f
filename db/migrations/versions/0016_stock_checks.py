"""What a source said of a stock when it was asked for it; stocks that were deleted."""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    execute("""
        alter table stocks
            add column checked_at timestamptz,
            add column check_error text,
            add column deleted_at timestamptz check (deleted_at is null or not active);
        comment on column stocks.checked_at is 'When a source last said whether it knows the symbol; null: not yet.';
        comment on column stocks.check_error is 'Class of the error it said so with; null: it knows the symbol.';
        comment on column stocks.deleted_at is
            'Since when nothing current is stored of it. The row stays: runs of the past name it.';
    """)
