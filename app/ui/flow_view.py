"""The flow of one stock: the choice of it, its walls, its tables, its charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import pandas as pd
import streamlit as st

from app.ui import downloads, flow_charts, flow_loaders, flow_tables, formats, keys, loaders, plots, results, text
from app.ui.flow_loaders import StockFlow
from scanner.signals.flow import NEW_STRIKE, OI_UNKNOWN, unknown_scores
from scanner.signals.strikes import by_strike, walls

ALL_EXPIRATIONS: Final = "All expirations"


@dataclass(frozen=True, slots=True)
class Choice:
    """A symbol and one of its (root, expiration), or all; `skew` are the `schema.SKEW_ROWS` of what is chosen."""

    symbol: str
    unit: str
    skew: pd.DataFrame

    def narrowed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of the chosen expiration."""
        return frame if self.unit == ALL_EXPIRATIONS else frame[units(frame) == self.unit]


def units(frame: pd.DataFrame) -> pd.Series:
    """ "2026-12-18" for each row, with the root before it where that is not the symbol."""
    days: pd.Series = frame["expiration"].dt.strftime("%Y-%m-%d")
    named: pd.Series = days.where(frame["root"] == frame["symbol"], frame["root"] + " " + days)
    return named


def choose(prefix: str, skew: pd.DataFrame) -> Choice:
    """The choice of symbol and expiration, in the address bar; `skew` has a row for each that can be chosen."""
    symbols = sorted(set(skew["symbol"]))
    _warn_of_unknown("Symbol", symbols, prefix, "symbol")
    _warn_of_unknown("Expiration", [ALL_EXPIRATIONS, *units(skew)], prefix, "expiration")
    with st.grid(4, min_column_width=240):
        symbol = _select("Symbol", symbols, prefix, "symbol")
        rows = skew[skew["symbol"] == symbol]
        unit = _select("Expiration", [ALL_EXPIRATIONS, *sorted(units(rows))], prefix, "expiration")
    return Choice(symbol, unit, rows if unit == ALL_EXPIRATIONS else rows[units(rows) == unit])


def _warn_of_unknown(label: str, known: Sequence[str], prefix: str, name: str) -> None:
    """An address may ask for what is not there; the first option is shown then, and the reader told."""
    asked = st.query_params.get(keys.field(prefix, name))
    if asked is not None and asked not in known:
        st.warning(f"{label} {formats.quoted(asked)} is not in the newest scan.")


def _select(label: str, options: Sequence[str], prefix: str, name: str) -> str:
    return str(st.selectbox(label, options, **_bound(prefix, name)))


def _bound(prefix: str, name: str) -> dict[str, Any]:
    return {"key": keys.field(prefix, name), "bind": "query-params"}


@st.fragment(run_every=20)
def origin(choice: Choice) -> None:
    """When the shown scan was due, how long ago that is by now, and where its chain comes from."""
    slot = choice.skew["timestamp"].iloc[0].to_pydatetime()
    now, clock = loaders.now(), loaders.market_clock()
    st.caption(
        f"Scan of {formats.new_york_time(slot, now=now)} New York, {formats.scan_age(slot, clock, now)}. Source: "
        f"{', '.join(sorted(set(choice.skew['source'])))}. Open interest is of the session before."
    )


def expirations(choice: Choice) -> None:
    """Price, walls, sums and ratios of each chosen expiration."""
    st.dataframe(
        choice.skew.assign(unit=units(choice.skew), net_gex=choice.skew["net_gex"] / 1e6)[list(_EXPIRATIONS)],
        hide_index=True,
        column_config=_EXPIRATIONS,
        placeholder=formats.UNKNOWN,
        alt="Walls, sums and ratios by expiration",
    )


def _number(label: str, pattern: str, words: str, width: int = 88) -> Any:
    return st.column_config.NumberColumn(label, format=pattern, help=words, width=width)


_EXPIRATIONS: Final = {
    "unit": st.column_config.TextColumn(
        "Expiration", width=100, help="Expiration date, with its root where it differs."
    ),
    "spot": _number("Price", "%,.2f", "Stock price at the scan, $."),
    "put_wall": _number("Put wall", "%,.2f", "Strike with most put open interest."),
    "call_wall": _number("Call wall", "%,.2f", "Strike with most call open interest."),
    "put_volume_wall": _number("Put vol. wall", "%,.2f", "Strike with most put volume."),
    "call_volume_wall": _number("Call vol. wall", "%,.2f", "Strike with most call volume."),
    "put_open_interest": _number("Put OI", "%,.0f", "Open interest of all puts."),
    "call_open_interest": _number("Call OI", "%,.0f", "Open interest of all calls."),
    "put_call_oi_ratio": _number("P/C OI", "%,.2f", "Put / call open interest.", 66),
    "put_volume": _number("Put volume", "%,.0f", "Volume of all puts today."),
    "call_volume": _number("Call volume", "%,.0f", "Volume of all calls today."),
    "put_call_vol_ratio": _number("P/C volume", "%,.2f", "Put / call volume.", 80),
    "vol_ratio": _number("Vol. ratio", "%+.0f", "-100: only calls traded. 100: only puts.", 72),
    "net_gex": _number("Net GEX, $M", "%+,.2f", f"Per 1 % move, million $. {text.NAIVE_SIGN}", 96),
    "contracts": _number("Contracts", "%,d", "Standard contracts that were looked at.", 78),
}


def tables(choice: Choice, found: StockFlow) -> None:
    """Whale flow, fresh open interest, and apart from them new strikes."""
    whale, fresh, new = (choice.narrowed(rows) for rows in (found.whale, found.fresh, found.new))
    st.markdown(f"**Whale flow** ({len(whale):,}): whale score of 50 and more")
    _table(whale, flow_tables.WHALE_COLUMNS, "No contract within 5 % of the price has a whale score of 50.")
    if found.chain is not None:
        st.caption(unscored_line(choice.narrowed(found.chain.contracts)))
    st.markdown(f"**Fresh open interest** ({len(fresh):,}): volume 3 times the open interest and more")
    _table(
        fresh, flow_tables.FRESH_COLUMNS, "No contract within 10 % of the price has traded 3 times its open interest."
    )
    st.markdown(f"**New strikes** ({len(new):,}): 100 contracts and more where none was open before")
    _table(new, flow_tables.NEW_COLUMNS, "No contract without open interest has a volume of 100.")
    if found.chain is not None:
        chain = found.chain
        with st.container(horizontal=True):
            downloads.show(
                keys.FLOW,
                lambda: flow_loaders.contracts_export(chain, choice.narrowed(chain.contracts)),
                name=f"flow-{choice.symbol}",
                contents="Every contract of this scan with volume, open interest, scores and GEX, source and mode.",
            )


def _table(rows: pd.DataFrame, columns: flow_tables.Config, empty: str) -> None:
    if rows.empty:
        st.caption(empty)
        return
    st.dataframe(
        flow_tables.flow_table(rows, columns, date.fromisoformat(loaders.today())),
        hide_index=True,
        column_config=columns,
        placeholder=formats.UNKNOWN,
        row_height=results.ROW_HEIGHT,
        height=results.table_height(len(rows), most=10),
    )


def charts(choice: Choice, found: StockFlow) -> None:
    """Open interest and gamma exposure by strike, volume against open interest; of the chain of the scan."""
    if found.chain is None:
        st.info(
            "The chain of this scan was not kept, so there is nothing to draw by strike. The next scan keeps its own."
        )
        return
    contracts = choice.narrowed(found.chain.contracts)
    strikes = by_strike(contracts)
    known = contracts["spot"].dropna()
    spot = None if known.empty else float(known.iloc[0])
    tops = walls(strikes)
    with st.grid(2, min_column_width=480) as grid:
        with grid.cell():
            st.markdown("**Open interest by strike**")
            plots.show(flow_charts.open_interest(strikes, tops, spot), alt="Open interest by strike")
        with grid.cell():
            st.markdown("**Net GEX by strike (naive sign convention)**", help=text.NAIVE_SIGN)
            plots.show(flow_charts.net_gex(strikes, tops, spot), alt="Net GEX by strike")
    st.markdown("**Volume against open interest**")
    plots.show(flow_charts.volume_against_interest(contracts), alt="Volume against open interest by contract")
    st.caption(undrawn_line(contracts))


def unscored_line(contracts: pd.DataFrame) -> str:
    """How many contracts near the money have no whale score, by what is missing."""
    counts = unknown_scores(contracts)
    if not counts:
        return "Every contract within 5 % of the price has a whale score."
    reasons = ", ".join(f"{number:,} {formats.words(name).lower()}" for name, number in counts.items())
    return f"Without a whale score, of the contracts within 5 % of the price: {reasons}."


def undrawn_line(contracts: pd.DataFrame) -> str:
    """How many of the contracts stand in the scatter, and why the others do not."""
    unknown = (contracts["flags"] == OI_UNKNOWN) | contracts["volume"].isna()
    new = ~unknown & (contracts["flags"] == NEW_STRIKE)
    idle = ~unknown & ~new & (contracts["volume"] == 0)
    return (
        f"{len(flow_charts.drawable(contracts)):,} of {len(contracts):,} contracts are drawn. The others: "
        f"{int(idle.sum()):,} not traded today, {int(new.sum()):,} without open interest before, "
        f"{int(unknown.sum()):,} with unknown volume or open interest. Unknown open interest is in no sum."
    )
