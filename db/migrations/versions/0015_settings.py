"""Settings that are changed on the page Settings, and what each user prefers."""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    execute("""
        create table stored_settings (
            name text primary key,
            value text not null,
            changed_at timestamptz not null
        );
        comment on table stored_settings is
            'Settings by variable, written as in the environment, which goes before them. Never a secret.';

        create table preferences (
            owner_id bigint,
            name text not null,
            value text not null,
            changed_at timestamptz not null
        );
        create unique index preferences_name on preferences (coalesce(owner_id, 0), name);
        comment on table preferences is 'What a user prefers to see and to begin with.';
    """)
