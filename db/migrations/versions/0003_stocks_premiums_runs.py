"""Stocks, current premiums, sync runs, snapshots.

Keys are text in collation C: compared by bytes, the same order as Python's, on any server. Columns of
`stock_premiums` stand widest first, which saves the padding between them; nobody reads them by position.
"""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0003"
down_revision = "0002"

STOCKS = """
create table stocks (
    symbol text collate "C" primary key,
    name text,
    active boolean not null default true,
    added_at timestamptz not null,
    owner_id bigint
);
comment on table stocks is 'The universe. Inactive stocks are not synced; their rows stay.';

create table stock_data (
    symbol text collate "C" primary key references stocks,
    source text not null,
    fetched_at timestamptz not null,
    name text,
    last_price double precision,
    change_pct double precision,
    volume bigint,
    average_volume bigint,
    high_52_week double precision,
    low_52_week double precision,
    sector text,
    industry text,
    market_cap double precision,
    next_earnings date,
    earnings_state text not null check (earnings_state in ('confirmed', 'estimated', 'unknown')),
    ex_dividend_date date,
    dividend_amount double precision,
    dividend_yield_pct double precision
);
comment on table stock_data is 'Slow facts, one row per stock (scanner.model.ReferenceData). Null is unknown.';
"""

RUNS = """
create table scan_runs (
    run_id bigint generated always as identity primary key,
    kind text not null,
    state text not null check (state in ('running', 'finished', 'cancelled')),
    mode text not null,
    requested_at timestamptz not null,
    started_at timestamptz,
    cancel_requested_at timestamptz,
    finished_at timestamptz,
    rates jsonb not null,
    sources text[] not null,
    price_basis text not null,
    retry_of bigint references scan_runs,
    owner_id bigint,
    total integer not null,
    succeeded integer,
    failed integer,
    cancelled integer,
    contracts bigint,
    check ((state = 'running') = (finished_at is null))
);
comment on column scan_runs.total is 'Symbols of the run. The other totals are written when it ends.';
create unique index scan_runs_one_running on scan_runs (kind) where state = 'running';

create table scan_run_symbols (
    run_id bigint not null references scan_runs on delete cascade,
    symbol text collate "C" not null references stocks,
    state text not null default 'pending'
        check (state in ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
    attempts integer not null default 0,
    error_class text,
    error_message text,
    fetched integer,
    unreadable jsonb,
    stored integer,
    iv_null jsonb,
    fetch_ms real,
    price_ms real,
    store_ms real,
    source text,
    worker text,
    started_at timestamptz,
    finished_at timestamptz,
    primary key (run_id, symbol),
    check ((state = 'failed') = (error_class is not null))
) with (autovacuum_vacuum_scale_factor = 0.05);
comment on column scan_run_symbols.attempts is 'Advances with every claim: the token of the latest worker.';
create index scan_run_symbols_open on scan_run_symbols (run_id, symbol) where state in ('pending', 'running');
create index scan_run_symbols_latest on scan_run_symbols (symbol, run_id desc);
"""

PREMIUMS = """
create table stock_chains (
    symbol text collate "C" primary key references stocks,
    scan_id bigint,
    source text not null,
    fetched_at timestamptz not null,
    answer_time timestamptz,
    oldest_quote timestamptz,
    newest_quote timestamptz,
    contracts integer not null,
    unreadable integer not null,
    missing_expirations date[] not null
);
comment on table stock_chains is
    'One row per stock with current rows: where they came from, and the lock of their replacement.';

create table stock_premiums (
    scan_id bigint,
    fetched_at timestamptz not null,
    answer_time timestamptz,
    quote_time timestamptz,
    spot_time timestamptz,
    expiry_instant timestamptz not null,
    strike double precision not null,
    bid double precision,
    ask double precision,
    last double precision,
    volume double precision,
    open_interest double precision,
    vendor_iv double precision,
    spot double precision,
    mid double precision,
    spread_pct double precision,
    moneyness_pct double precision,
    otm_pct double precision,
    years_to_expiry double precision,
    rate double precision,
    forward double precision,
    iv double precision,
    delta double precision,
    gamma double precision,
    theta double precision,
    vega double precision,
    rho double precision,
    prob_otm double precision,
    prob_touch double precision,
    expected_move_usd double precision,
    expected_move_pct double precision,
    upper_1sd double precision,
    lower_1sd double precision,
    premium double precision,
    premium_usd double precision,
    premium_pct double precision,
    collateral_usd double precision,
    break_even double precision,
    downside_protection double precision,
    if_called_return double precision,
    prob_profit double precision,
    expiration date not null,
    previous_expiration date,
    next_expiration date,
    multiplier integer not null,
    adjusted boolean not null,
    symbol text collate "C" not null,
    root text collate "C" not null,
    option_type text collate "C" not null check (option_type in ('call', 'put')),
    occ_symbol text collate "C" not null,
    source text not null,
    forward_method text,
    iv_reason text,
    model text,
    flags text not null,
    quote_reason text collate "C",
    quote_grade text collate "C" not null,
    grade_reasons text not null,
    price_basis text not null,
    primary key (symbol, root, expiration, strike, option_type)
) partition by range (expiration);
comment on table stock_premiums is
    'The current row of every contract (scanner.schema.PREMIUM), by month of expiration.';

create index stock_premiums_puts on stock_premiums (expiration, premium_pct)
    include (strike, bid, ask, spot, delta, spread_pct, volume, open_interest, quote_time, answer_time,
             expiry_instant, previous_expiration, next_expiration, quote_grade, symbol, root)
    where quote_reason is null and option_type = 'put';
create index stock_premiums_calls on stock_premiums (expiration, premium_pct)
    include (strike, bid, ask, spot, delta, spread_pct, volume, open_interest, quote_time, answer_time,
             expiry_instant, previous_expiration, next_expiration, quote_grade, symbol, root)
    where quote_reason is null and option_type = 'call';
comment on index stock_premiums_puts is
    'Covers every filter of the Database Scan, so that it reads no row it does not show. Fixed widths first.';

create table stock_premium_counts (
    symbol text collate "C" not null,
    root text collate "C" not null,
    expiration date not null,
    option_type text collate "C" not null,
    expiry_instant timestamptz not null,
    previous_expiration date,
    next_expiration date,
    contracts integer not null,
    adjusted integer not null,
    index_root integer not null,
    no_spot integer not null,
    not_out_of_the_money integer not null,
    no_bid integer not null,
    no_ask integer not null,
    crossed integer not null,
    no_implied_volatility integer not null
);
comment on table stock_premium_counts is
    'Stored contracts by quote_reason, written with the rows: the funnel sums these and not a million rows.';
create index stock_premium_counts_symbol on stock_premium_counts (symbol);
create index stock_premium_counts_expiration on stock_premium_counts (expiration);

create table chain_snapshots (
    symbol text collate "C" not null,
    source text collate "C" not null,
    fetched_at timestamptz not null,
    answer_time timestamptz,
    scan_id bigint,
    contracts integer not null,
    schema_version smallint not null,
    body bytea not null,
    primary key (symbol, fetched_at, source)
) partition by range (fetched_at);
alter table chain_snapshots alter column body set storage external;
comment on table chain_snapshots is 'Every accepted chain, immutable, as one compressed Arrow value, by UTC day.';
"""

TOP_PREMIUMS = """
create materialized view top_premiums as
select ranked.*
from (
    select
        premium.*,
        day.today as refreshed_for,
        premium.expiration - day.today as dte,
        premium.premium_pct / (premium.expiration - day.today) * 30 as monthly_return,
        row_number() over (
            partition by premium.symbol
            order by
                premium.premium_pct / (premium.expiration - day.today) * 30 desc,
                premium.open_interest desc nulls last,
                abs(abs(premium.delta) - 0.30),
                premium.root, premium.expiration, premium.strike
        )::integer as rank
    from stock_premiums as premium
    cross join (
        select coalesce(
            nullif(current_setting('scanner.market_date', true), '')::date,
            (now() at time zone 'America/New_York')::date
        ) as today
    ) as day
    where premium.option_type = 'put'
        and premium.quote_reason is null
        and premium.expiration between day.today + 28 and day.today + 35
        and premium.delta between -0.35 and -0.25
) as ranked;
create unique index top_premiums_key on top_premiums (symbol, root, expiration, strike);
create index top_premiums_rank on top_premiums (rank, monthly_return desc);
"""


def upgrade() -> None:
    for statements in (STOCKS, RUNS, PREMIUMS, TOP_PREMIUMS):
        execute(statements)
