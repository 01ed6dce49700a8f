"""The Database Scan gets narrow tables of its own, one per side, instead of indexes on the wide rows.

Right after a sync nothing is marked visible to everybody, and every index entry costs a look at its row: those rows
have to be small and together. Columns stand in the order in which the filters ask for them, as all before are unpacked.

Limits on columns of an index's key are tested before that look, those on included columns after it: what can be limited
by itself is in the key, though the first three columns say where to look.
"""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    execute("""
        drop index stock_premiums_puts;
        drop index stock_premiums_calls;
        alter table stock_premiums drop column delta_band;
    """)
    for name, side in (("scan_puts", "put"), ("scan_calls", "call")):
        execute(f"""
            create table {name} (
                expiration date not null,
                previous_expiration date,
                next_expiration date,
                delta_band smallint generated always as (floor(abs_delta * 20)::smallint) stored,
                quote_grade "char" not null,
                volume double precision,
                open_interest double precision,
                abs_delta double precision,
                spot double precision,
                premium_pct double precision,
                spread_pct double precision,
                quoted_at timestamptz,
                bid double precision,
                ask double precision,
                strike double precision not null,
                expiry_instant timestamptz not null,
                symbol text collate "C" not null,
                root text collate "C" not null
            ) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
            comment on table {name} is
                'What the Database Scan filters by, of every {side} with a good quote. Written with its row.';
            comment on column {name}.delta_band is 'Twentieths of |delta|, rounded down. A key of the index.';
            comment on column {name}.quoted_at is 'Time of the quote, or of the answer where the quote has none.';

            insert into {name} (expiration, quote_grade, volume, open_interest, abs_delta, spot, premium_pct,
                spread_pct, quoted_at, bid, ask, strike, expiry_instant, previous_expiration, next_expiration, symbol,
                root)
            select expiration, quote_grade::"char", volume, open_interest, abs(delta), spot, premium_pct, spread_pct,
                coalesce(quote_time, answer_time), bid, ask, strike, expiry_instant, previous_expiration,
                next_expiration, symbol, root
            from stock_premiums
            where quote_reason is null and option_type = '{side}';

            create index {name}_symbol on {name} (symbol);
            create index {name}_cover on {name} (expiration, delta_band, premium_pct, abs_delta, spread_pct, spot,
                    quote_grade, quoted_at)
                include (volume, open_interest, bid, ask, strike, previous_expiration, next_expiration, symbol, root);
            comment on index {name}_cover is 'Covers every filter of the Database Scan. Fixed widths first.';
        """)  # noqa: S608 our own names
