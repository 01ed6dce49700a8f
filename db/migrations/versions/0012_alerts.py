"""What people are told: each episode once, with what became of telling it."""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    execute("""
        create table alerts (
            alert_id bigint generated always as identity primary key,
            key text collate "C" not null,
            kind text not null,
            title text not null,
            body text not null,
            first_seen timestamptz not null,
            last_seen timestamptz not null,
            ended_at timestamptz,
            state text not null check (state in ('new', 'sending', 'told', 'failed', 'muted')),
            attempts integer not null default 0,
            sending_since timestamptz,
            told_at timestamptz,
            targets text not null default '',
            error text
        );
        create unique index alerts_open on alerts (key) where ended_at is null;
        create index alerts_key on alerts (key, first_seen);
        create index alerts_told on alerts (told_at);
        comment on table alerts is
            'What was worth telling. Open while its cause lasts; told once. Never holds a target''s address.';
        comment on column alerts.state is 'muted: nothing is sent in this mode, or no target is set.';
    """)
