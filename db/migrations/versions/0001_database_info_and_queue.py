"""What the database is, the version that caches are keyed by, and the first part of the job queue's own schema.

The queue's schema comes in two revisions because its last file here adds values to an enum type: before PostgreSQL 17
those can be used only after a commit.
"""

from __future__ import annotations

from db.migrations.sql import execute, execute_procrastinate

revision = "0001"
down_revision = None

LAST = "02.06.00_01_add_cancel_states.sql"


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
    execute_procrastinate(after="", last=LAST)
