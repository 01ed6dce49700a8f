"""What all processes share about sources: turns, breakers, the account of calls and quotes, chains fetched lately.

Turns and breakers change with every call and are worth nothing after a crash, so they are not logged.
"""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    execute("""
        create unlogged table source_turns (
            key text collate "C" primary key,
            due double precision not null
        ) with (fillfactor = 50);
        comment on table source_turns is
            'Rate limits: when the next call of a source and credential would leave in regular steps, s since 1970.';

        create unlogged table source_breakers (
            key text collate "C" primary key,
            failures integer not null default 0,
            openings integer not null default 0,
            open_until timestamptz,
            probe_until timestamptz,
            error_class text,
            error_message text,
            changed_at timestamptz not null default now()
        );
        comment on table source_breakers is
            'Closed: open_until is null. Open: it is ahead. Half open: it has passed, one probe at a time may call.';

        create table source_calls (
            source text collate "C" not null,
            hour timestamptz not null,
            outcome text collate "C" not null,
            calls bigint not null,
            seconds double precision not null,
            waited_seconds double precision not null,
            primary key (source, hour, outcome)
        );
        comment on column source_calls.outcome is 'answer, or the class of the error.';

        create table source_latencies (
            source text collate "C" not null,
            hour timestamptz not null,
            bucket smallint not null,
            calls bigint not null,
            primary key (source, hour, bucket)
        );
        comment on column source_latencies.bucket is 'A call of this bucket took up to 1.15 ^ bucket ms.';

        create table source_quotes (
            source text collate "C" not null,
            hour timestamptz not null,
            measure text collate "C" not null,
            amount double precision not null,
            primary key (source, hour, measure)
        );
        comment on table source_quotes is 'Sums over the contracts delivered (scanner.sources.quote_quality).';

        create unlogged table chain_cache (
            symbol text collate "C" primary key,
            fetched_at timestamptz,
            schema_version smallint,
            body bytea,
            fetching_until timestamptz
        );
        alter table chain_cache alter column body set storage external;
        comment on table chain_cache is 'The chain fetched last of each symbol; until when somebody fetches it.';
    """)
