"""Watchlists: their entries exactly as they were written, and when they were synced."""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    execute("""
        create table tv_watchlists (
            watchlist_id bigint generated always as identity primary key,
            owner_id bigint,
            name text not null check (length(name) between 1 and 100),
            colour text not null default '',
            position integer not null default 0,
            tail text not null default '',
            created_at timestamptz not null,
            changed_at timestamptz not null,
            deleted_at timestamptz
        );
        create unique index tv_watchlists_name on tv_watchlists (coalesce(owner_id, 0), lower(name))
            where deleted_at is null;
        comment on table tv_watchlists is 'Lists of symbols. A deleted one is kept for 30 days.';
        comment on column tv_watchlists.tail is 'What stands after the last entry in the imported text.';

        create table tv_watchlist_symbols (
            watchlist_id bigint not null references tv_watchlists on delete cascade,
            position integer not null,
            owner_id bigint,
            kind text not null check (kind in ('symbol', 'section')),
            text text not null,
            before text not null default '',
            symbol text collate "C",
            reason text,
            primary key (watchlist_id, position)
        );
        create index tv_watchlist_symbols_symbol on tv_watchlist_symbols (symbol);
        comment on table tv_watchlist_symbols is
            'Entries as they were written, with what stood before each: exports give back what was imported.';
        comment on column tv_watchlist_symbols.reason is 'Why an entry has no options here.';

        create table tv_sync_history (
            watchlist_id bigint not null references tv_watchlists on delete cascade,
            run_id bigint not null references scan_runs on delete cascade,
            owner_id bigint,
            requested_at timestamptz not null,
            symbols integer not null,
            primary key (watchlist_id, run_id)
        );
        comment on table tv_sync_history is 'Syncs of whole lists; their symbols are in scan_run_symbols.';
    """)
