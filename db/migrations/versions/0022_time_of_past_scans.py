"""How long a simulated scan of the past took is not known: its clock stands still at its slot, and 0 s was no time."""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    execute("""
        create or replace view scan_performance as
        select run.run_id, run.slot as timestamp, run.state, run.requested_at, run.started_at, run.finished_at,
            nullif(extract(epoch from run.finished_at - run.requested_at), 0)::double precision as seconds, run.total,
            symbols.*
        from scan_runs as run
        cross join lateral (
            select count(*) filter (where state = 'succeeded')::integer as succeeded,
                count(*) filter (where state = 'failed')::integer as failed,
                coalesce(sum(stored), 0)::bigint as contracts,
                max(attempts) as most_attempts,
                avg(fetch_ms)::double precision as fetch_ms,
                avg(price_ms)::double precision as price_ms,
                avg(store_ms)::double precision as store_ms
            from scan_run_symbols
            where run_id = run.run_id
        ) as symbols
        where run.kind = 'flow';
    """)
