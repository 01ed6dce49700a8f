"""Secrets, as ciphertext: credentials and log-in tokens that all machines of one database share."""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    execute("""
        create table secrets (
            name text primary key check (length(name) between 1 and 100),
            key_id text not null,
            nonce bytea not null,
            ciphertext bytea not null,
            updated_at timestamptz not null default now()
        );
        comment on table secrets is
            'AES-256-GCM with the name as associated data. The keys are outside of the database, on each machine.';
        comment on column secrets.key_id is 'Which key encrypted it: a fingerprint, from which the key cannot be had.';
    """)
