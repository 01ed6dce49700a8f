"""Scheduled flow scans: what they find, by day; and the views that pages, API and notebooks read.

A chain is kept for the scan that asked for it: the Premium Scanner reads those of syncs, never those of flow scans.
"""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0010"
down_revision = "0009"

RUNS = """
alter table scan_runs add column slot timestamptz;
comment on column scan_runs.slot is 'The instant a scheduled flow scan is for: every 15 minutes of a session.';
create unique index scan_runs_one_per_slot on scan_runs (kind, slot);

alter table scan_run_symbols add column score_null jsonb;
comment on column scan_run_symbols.score_null is
    'Of a flow scan: contracts near the money without a whale score, by the input that is missing.';

alter table chain_snapshots add column kind text collate "C" not null default 'sync';
comment on column chain_snapshots.kind is 'The kind of run (scan_runs.kind) that asked for the chain.';
alter table chain_snapshots drop constraint chain_snapshots_pkey;
alter table chain_snapshots add primary key (symbol, kind, fetched_at, source);
"""

TABLES = """
create table whale_flows (
    timestamp timestamptz not null,
    run_id integer not null,
    symbol text collate "C" not null,
    root text collate "C" not null,
    expiration date not null,
    option_type text not null,
    strike double precision not null,
    occ_symbol text collate "C" not null,
    multiplier integer not null,
    spot double precision,
    underlying_volume double precision,
    mark double precision,
    iv double precision,
    delta double precision,
    gamma double precision,
    volume double precision,
    open_interest double precision,
    valr double precision,
    vol_oi_ratio double precision,
    dollar_ratio double precision,
    whale_exact double precision,
    whale_score double precision,
    notional double precision,
    oi_score double precision,
    gex double precision,
    flags text not null,
    quote_time timestamptz,
    answer_time timestamptz,
    source text not null,
    primary key (symbol, timestamp, occ_symbol)
) partition by range (timestamp);
comment on table whale_flows is
    'Contracts with a whale score of 50 and more before rounding (scanner.schema.FLOW), by flow scan.';

create table oi_flows (
    timestamp timestamptz not null,
    run_id integer not null,
    symbol text collate "C" not null,
    root text collate "C" not null,
    expiration date not null,
    option_type text not null,
    strike double precision not null,
    occ_symbol text collate "C" not null,
    multiplier integer not null,
    spot double precision,
    underlying_volume double precision,
    mark double precision,
    iv double precision,
    delta double precision,
    gamma double precision,
    volume double precision,
    open_interest double precision,
    valr double precision,
    vol_oi_ratio double precision,
    dollar_ratio double precision,
    whale_exact double precision,
    whale_score double precision,
    notional double precision,
    oi_score double precision,
    gex double precision,
    flags text not null,
    quote_time timestamptz,
    answer_time timestamptz,
    source text not null,
    primary key (symbol, timestamp, occ_symbol)
) partition by range (timestamp);
comment on table oi_flows is
    'Contracts with fresh open interest, and new strikes (flag new_strike), of volume 100 and more, by flow scan.';

create table skew_metrics (
    timestamp timestamptz not null,
    run_id integer not null,
    symbol text collate "C" not null,
    root text collate "C" not null,
    expiration date not null,
    spot double precision,
    forward double precision,
    years_to_expiry double precision,
    atm_iv double precision,
    iv_25d_put double precision,
    iv_25d_call double precision,
    skew_25d double precision,
    put_skew double precision,
    call_skew double precision,
    skew_25d_norm double precision,
    expected_move_usd double precision,
    expected_move_pct double precision,
    upper_1sd double precision,
    lower_1sd double precision,
    call_volume double precision,
    put_volume double precision,
    call_open_interest double precision,
    put_open_interest double precision,
    put_call_vol_ratio double precision,
    put_call_oi_ratio double precision,
    vol_ratio double precision,
    call_wall double precision,
    put_wall double precision,
    call_volume_wall double precision,
    put_volume_wall double precision,
    net_gex double precision,
    contracts integer not null,
    clean_contracts integer not null,
    quote_time timestamptz,
    answer_time timestamptz,
    source text not null,
    primary key (symbol, root, expiration, timestamp)
) partition by range (timestamp);
comment on table skew_metrics is
    'Every (root, expiration) that a flow scan looked at (scanner.schema.EXPIRY_SIGNALS).';

create table opportunities (
    timestamp timestamptz not null,
    run_id integer not null,
    symbol text collate "C" not null,
    root text collate "C" not null,
    expiration date not null,
    option_type text not null,
    strike double precision not null,
    occ_symbol text collate "C" not null,
    multiplier integer not null,
    spot double precision,
    underlying_volume double precision,
    mark double precision,
    iv double precision,
    delta double precision,
    gamma double precision,
    volume double precision,
    open_interest double precision,
    valr double precision,
    vol_oi_ratio double precision,
    dollar_ratio double precision,
    whale_exact double precision,
    whale_score double precision,
    notional double precision,
    oi_score double precision,
    gex double precision,
    flags text not null,
    quote_time timestamptz,
    answer_time timestamptz,
    source text not null,
    skew_25d double precision,
    vol_ratio double precision,
    whale_points integer not null,
    fresh_points integer not null,
    skew_points integer not null,
    composite_score integer not null,
    signal_type text not null,
    primary key (symbol, timestamp, occ_symbol)
) partition by range (timestamp);
comment on table opportunities is
    'Opportunities with their score in parts (scanner.schema.OPPORTUNITY), by flow scan.';

create index opportunities_score on opportunities (symbol, timestamp, composite_score);

create table flow_chains (
    symbol text collate "C" primary key references stocks,
    run_id bigint not null,
    timestamp timestamptz not null,
    source text not null,
    fetched_at timestamptz not null,
    answer_time timestamptz,
    contracts integer not null
);
comment on table flow_chains is
    'The latest flow scan that succeeded for each symbol. A scan that fails or runs hides nothing of the one before.';

create table market_moods (
    run_id bigint primary key references scan_runs on delete cascade,
    timestamp timestamptz not null,
    market_sentiment text not null,
    avg_skew double precision,
    stddev double precision,
    n integer not null,
    without_skew integer not null
);
comment on table market_moods is 'The sentiment of each flow scan that is over (scanner.signals.sentiment).';
create index market_moods_time on market_moods (timestamp);
"""

VIEWS = """
create view latest_scan as
select run.run_id, run.slot as timestamp, run.state, run.mode, run.requested_at, run.started_at, run.finished_at,
    run.total, symbols.*
from (select * from scan_runs where kind = 'flow' order by slot desc limit 1) as run
cross join lateral (
    select count(*) filter (where state = 'succeeded')::integer as succeeded,
        count(*) filter (where state = 'failed')::integer as failed,
        count(*) filter (where state in ('pending', 'running'))::integer as open,
        coalesce(sum(stored), 0)::bigint as contracts
    from scan_run_symbols
    where run_id = run.run_id
) as symbols;
comment on view latest_scan is 'The flow scan that was begun last, running or over, with its coverage so far.';

create view current_flow as
select chain.*
from flow_chains as chain
join latest_scan as latest on true
join scan_run_symbols as part on part.run_id = latest.run_id and part.symbol = chain.symbol;
comment on view current_flow is
    'What is shown of each symbol of the latest flow scan: its newest scan that succeeded, with that scan''s time.';

create view top_opportunities as
select found.timestamp, found.run_id, run.mode, found.symbol, found.root, found.expiration, found.option_type,
    found.strike, found.occ_symbol, found.composite_score, found.whale_points, found.fresh_points, found.skew_points,
    found.signal_type, found.whale_score, found.whale_exact, found.valr, found.vol_oi_ratio, found.dollar_ratio,
    found.oi_score, found.notional, found.volume, found.open_interest, found.mark, found.iv, found.delta, found.gamma,
    found.gex, found.multiplier, found.spot as underlying_price, found.underlying_volume, found.skew_25d,
    found.vol_ratio, skew.put_skew, skew.call_skew, skew.skew_25d_norm, skew.atm_iv,
    skew.expected_move_usd as implied_move_usd, skew.expected_move_pct as implied_move_pct,
    skew.upper_1sd as upper_bound, skew.lower_1sd as lower_bound, skew.put_call_oi_ratio, skew.put_call_vol_ratio,
    skew.call_wall, skew.put_wall, skew.call_volume_wall, skew.put_volume_wall, skew.net_gex,
    found.flags, found.quote_time, found.answer_time, chain.fetched_at, found.source
from current_flow as chain
join opportunities as found
    on found.symbol = chain.symbol and found.timestamp = chain.timestamp and found.run_id = chain.run_id
join skew_metrics as skew
    on skew.symbol = found.symbol and skew.root = found.root and skew.expiration = found.expiration
    and skew.timestamp = found.timestamp and skew.run_id = found.run_id
join scan_runs as run on run.run_id = found.run_id
join latest_scan as latest on true
where found.expiration >= (latest.timestamp at time zone 'America/New_York')::date;
comment on view top_opportunities is
    'The opportunities of each symbol''s newest flow scan that succeeded, with the facts of their expiration.';

create view market_sentiment as
select mood.timestamp, mood.market_sentiment, mood.avg_skew, mood.stddev, mood.n, mood.without_skew, mood.run_id,
    run.mode
from market_moods as mood
join scan_runs as run using (run_id)
order by mood.timestamp desc
limit 1;
comment on view market_sentiment is 'The sentiment of the latest flow scan that is over; its history is market_moods.';

create view stock_skew_history as
select metric.*,
    lag(metric.timestamp) over earlier as previous_timestamp,
    metric.skew_25d - lag(metric.skew_25d) over earlier as skew_change,
    metric.atm_iv - lag(metric.atm_iv) over earlier as atm_iv_change
from skew_metrics as metric
window earlier as (
    partition by metric.symbol, metric.root, metric.expiration order by metric.timestamp
);
comment on view stock_skew_history is
    'skew_metrics with the change since the previous scan; unknown where either is. Ask by symbol: it is quick then.';

create view scan_performance as
select run.run_id, run.slot as timestamp, run.state, run.requested_at, run.started_at, run.finished_at,
    extract(epoch from run.finished_at - run.requested_at)::double precision as seconds, run.total, symbols.*
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
comment on view scan_performance is 'Coverage and time of every flow scan. Means in milliseconds a symbol.';
"""


def upgrade() -> None:
    for statements in (RUNS, TABLES, VIEWS):
        execute(statements)
