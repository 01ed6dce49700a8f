"""One opportunity: its score in words, the contract, its expiration, where the numbers come from."""

from __future__ import annotations

from datetime import date

import pandas as pd
import streamlit as st

from app.ui import formats, keys, loaders, reasons


def show(prefix: str, rows: pd.DataFrame) -> None:
    """The chosen contract below the table, if one is chosen; `rows` are all opportunities, filtered or not."""
    chosen = st.session_state.get(keys.selected_contract(prefix))
    if chosen is None:
        st.caption("Click a row to read why it has its score.")
        return
    found = rows[rows["occ_symbol"] == chosen[1]]
    if found.empty:
        st.info(f"{chosen[1]} is no opportunity any more: the newest scan of {chosen[0]} did not find it.")
        return
    row = found.iloc[0]
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.subheader(title(row, date.fromisoformat(loaders.today())), width="content")
            st.page_link("pages/flow.py", label=f"Flow of {row['symbol']}", query_params={"flow_symbol": row["symbol"]})
        st.markdown(f"**{reasons.headline(row)}**")
        st.markdown("\n".join(f"* {reason}" for reason in reasons.reasons(row)))
        _facts(row)


def title(row: pd.Series, today: date) -> str:
    """ "AAPL 250 call, 18 Dec 2026 (27 days)"."""
    strike = f"{row['strike']:,.2f}".rstrip("0").rstrip(".")
    expiration = row["expiration"].date()
    left = (expiration - today).days
    days = "today" if left == 0 else f"{left} day{'' if left == 1 else 's'}"
    return f"{row['symbol']} {strike} {row['option_type']}, {formats.day(expiration)} ({days})"


def _facts(row: pd.Series) -> None:
    with st.grid(3, min_column_width=300) as grid:
        for name, facts in fact_groups(row).items():
            with grid.cell():
                st.markdown(f"**{name}**")
                frame = pd.DataFrame(list(facts.items()), columns=["fact", "value"])
                st.table(frame, hide_index=True, hide_header=True, border="horizontal", alt=f"{name}: facts")


def fact_groups(row: pd.Series) -> dict[str, dict[str, str]]:
    """Everything known about the opportunity as text, in three groups; unknown is a dash."""
    return {"This contract": _contract(row), "Its expiration": _expiration(row), "Where it comes from": _origin(row)}


def _contract(row: pd.Series) -> dict[str, str]:
    return {
        "Contract": row["occ_symbol"],
        "Volume, open interest": f"{formats.count(row['volume'])}, {formats.count(row['open_interest'])}",
        "Premium traded": formats.dollars(row["notional"]),
        "Mark": formats.money(row["mark"]),
        "IV, delta": f"{formats.percent(100 * row['iv'])}, {formats.number(row['delta'], '{:+.2f}')}",
        "Leverage (valr)": formats.number(row["valr"], "{:,.1f}"),
        "Premium of $ traded in the stock": formats.percent(100 * row["dollar_ratio"], 3),
        "Shares traded in the stock": formats.count(row["underlying_volume"]),
        "Gamma exposure, unsigned": f"{formats.dollars(row['gex'])} per 1 %",
    }


def _expiration(row: pd.Series) -> dict[str, str]:
    return {
        "Stock price": formats.money(row["underlying_price"]),
        "Skew: put, call": ", ".join(formats.number(row[name], "{:+.1f}") for name in ("put_skew", "call_skew")),
        "Skew of ATM volatility": formats.percent(row["skew_25d_norm"]),
        "ATM volatility": formats.percent(100 * row["atm_iv"]),
        "Move": f"{formats.money(row['implied_move_usd'])} ({formats.percent(row['implied_move_pct'])})",
        "One standard deviation": f"{formats.number(row['lower_bound'])} to {formats.number(row['upper_bound'])}",
        "Walls of open interest: put, call": _pair(row, "put_wall", "call_wall"),
        "Walls of volume: put, call": _pair(row, "put_volume_wall", "call_volume_wall"),
        "Put / call: OI, volume": _pair(row, "put_call_oi_ratio", "put_call_vol_ratio"),
        "Net GEX (naive sign convention)": f"{formats.dollars(row['net_gex'])} per 1 %",
    }


def _origin(row: pd.Series) -> dict[str, str]:
    return {
        "Scan": _instant(row["timestamp"]),
        "Chain fetched": _instant(row["fetched_at"]),
        "Quote": _instant(row["quote_time"]),
        "Answer of the source": _instant(row["answer_time"]),
        "Source": row["source"],
        "Mode": row["mode"],
    }


def _pair(row: pd.Series, first: str, second: str) -> str:
    return f"{formats.number(row[first])}, {formats.number(row[second])}"


def _instant(value: pd.Timestamp) -> str:
    if formats.is_unknown(value):
        return formats.UNKNOWN
    return formats.new_york_time(value.to_pydatetime(), now=loaders.now(), seconds=True) + " New York"
