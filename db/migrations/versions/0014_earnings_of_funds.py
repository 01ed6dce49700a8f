"""Funds report no earnings: that is known, and another thing than an unknown date."""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    execute("""
        alter table stock_data drop constraint stock_data_earnings_state_check;
        alter table stock_data add constraint stock_data_earnings_state_check
            check (earnings_state in ('confirmed', 'estimated', 'unknown', 'none'));
    """)
