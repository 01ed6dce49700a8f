"""Scan indexes by band of delta; the pattern of the staging table.

Within one expiration and one band the order of the index is the order of the result. The indexes lose `expiry_instant`:
every column there is unpacked for every row that is looked at.

Every writer has a temporary staging table. Its text is stored plainly, so that it has no side table for long values:
emptying that at every commit costs more than the copy itself.
"""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    execute("""
        create table premium_staging_pattern (like stock_premiums);
        do $$
        declare
            name text;
        begin
            for name in
                select attname
                from pg_attribute
                where attrelid = 'premium_staging_pattern'::regclass and attnum > 0 and attstorage = 'x'
            loop
                execute format('alter table premium_staging_pattern alter column %I set storage plain', name);
            end loop;
        end
        $$;
        comment on table premium_staging_pattern is 'Never holds rows: temporary staging tables are made like it.';

        alter table stock_premiums
            add column delta_band smallint generated always as (floor(abs(delta) * 20)::smallint) stored;
        comment on column stock_premiums.delta_band is 'Twentieths of |delta|, rounded down. A key of the indexes.';
    """)
    for name, side in (("stock_premiums_puts", "put"), ("stock_premiums_calls", "call")):
        execute(f"""
            drop index {name};
            create index {name} on stock_premiums (expiration, delta_band, premium_pct)
                include (strike, bid, ask, spot, delta, spread_pct, volume, open_interest, quote_time, answer_time,
                         previous_expiration, next_expiration, quote_grade, symbol, root)
                where quote_reason is null and option_type = '{side}';
            comment on index {name} is
                'Covers every filter of the Database Scan: it reads no row it does not show. Fixed widths first.';
        """)
