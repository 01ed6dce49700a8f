"""What the database is: its mode, once and for ever, and the version that caches are keyed by."""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0001"
down_revision = None


def upgrade() -> None:
    execute("""
        create table database_info (
            only_row boolean primary key default true check (only_row),
            mode text not null check (mode in ('live', 'simulated', 'recorded')),
            created_at timestamptz not null default now()
        );
        create table data_version (
            only_row boolean primary key default true check (only_row),
            version bigint not null default 0,
            advanced_at timestamptz not null default now()
        );
        insert into data_version default values;
    """)
