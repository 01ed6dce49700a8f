"""Days that have left the database for the archive, and whose archive it is."""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    execute("""
        create table archive_owner (
            only_row boolean primary key default true check (only_row),
            database uuid not null default gen_random_uuid()
        );
        comment on table archive_owner is 'The identity of this database, written beside its archive.';
        insert into archive_owner default values;

        create table archive_days (
            table_name text collate "C" not null,
            day date not null,
            part integer not null check (part >= 1),
            file text not null,
            rows bigint not null check (rows >= 0),
            bytes bigint not null,
            archived_at timestamptz not null,
            primary key (table_name, day, part)
        );
        comment on table archive_days is
            'Every file of the archive: the rows that a table had of a UTC day. Recorded as the rows were dropped.';
    """)
