"""Keys of the REST API, as hashes."""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    execute("""
        create table api_keys (
            name text collate "C" primary key,
            scope text not null check (scope in ('viewer', 'trader', 'admin')),
            digest bytea not null unique,
            created_at timestamptz not null default now(),
            owner_id bigint
        );
        comment on column api_keys.digest is 'SHA-256 of the key, which is 32 random bytes and kept nowhere.';
    """)
