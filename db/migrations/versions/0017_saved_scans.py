"""Saved scans, and each of their runs with what it was asked and what it found."""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    execute("""
        create table saved_scans (
            scan_id bigint generated always as identity primary key,
            owner_id bigint,
            name text not null check (length(name) between 1 and 100),
            definition text not null,
            schedule text,
            watched boolean not null default false,
            created_at timestamptz not null,
            changed_at timestamptz not null
        );
        create unique index saved_scans_name on saved_scans (coalesce(owner_id, 0), lower(name));
        comment on column saved_scans.definition is 'JSON of scanner.saved_scans.';
        comment on column saved_scans.schedule is 'A New York time, or every n min of a session; null: by hand.';

        create table saved_scan_runs (
            scan_run_id bigint generated always as identity primary key,
            scan_id bigint not null references saved_scans on delete cascade,
            as_of timestamptz not null,
            due_at timestamptz,
            definition text not null,
            symbols text[],
            rates jsonb not null,
            data_version bigint not null,
            fetched integer not null,
            passed integer not null,
            rejected jsonb not null,
            oldest_quote timestamptz,
            newest_quote timestamptz,
            sources text[] not null,
            shown integer not null,
            entered text[] not null,
            rows bytea not null,
            schema_version smallint not null
        );
        create index saved_scan_runs_latest on saved_scan_runs (scan_id, as_of desc);
        create unique index saved_scan_runs_due on saved_scan_runs (scan_id, due_at) where due_at is not null;
        comment on table saved_scan_runs is 'Kept for 30 days.';
        comment on column saved_scan_runs.symbols is 'The universe as it was; null: all stocks.';
        comment on column saved_scan_runs.entered is 'OCC symbols that were not in the run before; none in the first.';
        comment on column saved_scan_runs.rows is 'The ranked rows, an Arrow stream compressed with zstd.';
    """)
