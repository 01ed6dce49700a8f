"""What is known of each symbol of a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import pandas as pd
import streamlit as st

from app.services.export import Export, mode_lines, written
from app.services.volatility_history import Realised
from app.services.watchlists import StoredEntry
from app.ui import downloads, flow_loaders, formats, keys, loaders, stocks
from scanner.model import PremiumFilters, Strategy
from scanner.volatility_history import SESSIONS, VolatilityPlace

LEAST_DTE: Final = 5
_BOTH: Final = PremiumFilters(strategies=tuple(Strategy))
_ROW_HEIGHT: Final = 30
_REALISED: Final = (("RV 20 d, %", "%.1f"), ("RV 60 d, %", "%.1f"), ("IV - RV 20", "%+.1f"))
_HELP: Final = {
    "Last": "Last price of the stock, $, of the slow facts, which are fetched once a day.",
    "Change %": "Against the previous close.",
    "Best put": "The cash-secured put with the highest monthly return that passes the default filters.",
    "Best call": "The covered call with the highest monthly return that passes the default filters.",
    "Skew": "25-delta skew of the nearest expiration from five days on, vol points, of the newest flow scan.",
    "IV 30 d, %": "At-the-money volatility thirty days ahead: total variance linear in time between two expirations.",
    "IV rank": "(IV - lowest) / (highest - lowest) x 100 over 252 sessions. Building, until so many are kept.",
    "IV percentile": "Sessions with a lower IV, % of the other 251. Building, until 252 are kept.",
    "RV 20 d, %": "Realised: standard deviation of the last 20 daily log returns x sqrt(252), of closes.",
    "RV 60 d, %": "The same of the last 60 sessions.",
    "IV - RV 20": "Implied less realised volatility, points. Above 0: options cost more than the stock has moved.",
    "Next earnings": "(est.): not confirmed.",
    "Synced": "Time since the chain was last stored.",
    "Last error": "Why the last sync of it failed.",
}


def show(prefix: str, name: str, symbols: tuple[str, ...], entries: Sequence[StoredEntry]) -> None:
    """The symbols in the order of the list, a link to scan them, a CSV; and what has no options here."""
    frame = symbol_frame(symbols)
    with st.container(horizontal=True, vertical_alignment="center"):
        if symbols:
            st.page_link(
                "pages/premium_scanner.py",
                label=f"Quick scan of these {len(symbols):,} symbols",
                query_params={keys.field(keys.PREMIUM_SCANNER, "symbols"): list(symbols)},
            )
        downloads.show(
            prefix,
            lambda: _export(name, frame),
            name="watchlist",
            contents="The table below, the mode and the time.",
            disabled=frame.empty,
        )
    if not frame.empty:
        _table(frame)
    others = [(one.text, one.reason) for one in entries if one.reason is not None]
    if others:
        with st.expander(f"Without options here: {len(others):,}"):
            st.dataframe(pd.DataFrame(others, columns=["Entry", "Why"]), hide_index=True, alt="Entries without options")


def _table(frame: pd.DataFrame) -> None:
    config = {column: st.column_config.TextColumn(help=words) for column, words in _HELP.items()}
    for column, pattern in (
        ("Last", "%,.2f"),
        ("Change %", "%+.2f"),
        ("Skew", "%+.1f"),
        ("IV 30 d, %", "%.1f"),
        *_REALISED,
    ):
        config[column] = st.column_config.NumberColumn(format=pattern, help=_HELP[column])
    st.dataframe(
        frame,
        hide_index=True,
        placeholder=formats.UNKNOWN,
        row_height=_ROW_HEIGHT,
        height=min(620, _ROW_HEIGHT * (len(frame) + 1) + 12),
        column_config={"Ticker": st.column_config.TextColumn(pinned=True), **config},
        alt="The symbols of the list with what is known of them",
    )


def symbol_frame(symbols: Sequence[str]) -> pd.DataFrame:
    """A row for each symbol; unknown is null."""
    known = stocks.overview_frame(loaders.stock_overview()).set_index("Ticker").reindex(list(symbols))
    rows = loaders.scan(tuple(symbols), _BOTH).rows if symbols else pd.DataFrame()
    places, realised = loaders.volatility_places(tuple(symbols)), loaders.realised(tuple(symbols))
    return pd.DataFrame(
        {
            "Ticker": list(symbols),
            "Last": known["Last"].to_numpy(),
            "Change %": known["Change %"].to_numpy(),
            "Best put": best_of(rows, Strategy.CASH_SECURED_PUT, symbols),
            "Best call": best_of(rows, Strategy.COVERED_CALL, symbols),
            "Skew": _skew(symbols),
            "IV 30 d, %": [_percent(places[symbol].iv30) if symbol in places else None for symbol in symbols],
            "IV rank": [_of_sessions(places.get(symbol), "rank") for symbol in symbols],
            "IV percentile": [_of_sessions(places.get(symbol), "percentile") for symbol in symbols],
            "RV 20 d, %": [_percent(realised[symbol].rv20) if symbol in realised else None for symbol in symbols],
            "RV 60 d, %": [_percent(realised[symbol].rv60) if symbol in realised else None for symbol in symbols],
            "IV - RV 20": [_over(places.get(symbol), realised.get(symbol)) for symbol in symbols],
            "Next earnings": known["Next earnings"].to_numpy(),
            "Ex-dividend": known["Ex-dividend"].to_numpy(),
            "Synced": known["Synced"].fillna("never").to_numpy(),
            "Last error": known["Last error"].to_numpy(),
        }
    )


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _over(implied: VolatilityPlace | None, past: Realised | None) -> float | None:
    """Implied less realised volatility in points; None where one is unknown."""
    if implied is None or past is None or implied.iv30 is None or past.rv20 is None:
        return None
    return 100 * (implied.iv30 - past.rv20)


def _of_sessions(found: VolatilityPlace | None, name: Literal["rank", "percentile"]) -> str | None:
    """ "43", or "building, 3 of 252 days"; None where nothing is known."""
    if found is None:
        return None
    value = found.rank if name == "rank" else found.percentile
    if value is not None:
        return f"{value:.0f}"
    return f"building, {found.sessions} of {SESSIONS} days" if found.sessions < SESSIONS else None


def best_of(rows: pd.DataFrame, strategy: Strategy, symbols: Sequence[str]) -> list[str | None]:
    """ "2026-12-18 150 put, 2.35 % a month" for each symbol, None where nothing passes."""
    if rows.empty:
        return [None] * len(symbols)
    wanted = rows[(rows["strategy"] == strategy.value) & rows["monthly_return"].notna()]
    best = wanted.sort_values("monthly_return", ascending=False, kind="stable").drop_duplicates("symbol")
    words = {
        row["symbol"]: f"{row['expiration']:%Y-%m-%d} {row['strike']:g} {row['option_type']}, "
        f"{row['monthly_return']:.2f} % a month"
        for row in best.to_dict("records")
    }
    return [words.get(symbol) for symbol in symbols]


def _skew(symbols: Sequence[str]) -> list[float | None]:
    rows = flow_loaders.skew()
    far = rows[(rows["expiration"] - pd.Timestamp(loaders.today())).dt.days >= LEAST_DTE]
    nearest = far.sort_values("expiration").drop_duplicates("symbol").set_index("symbol")["skew_25d"]
    return [None if formats.is_unknown(value) else float(value) for value in nearest.reindex(list(symbols))]


def _export(name: str, frame: pd.DataFrame) -> Export:
    header = [
        *mode_lines(loaders.mode()),
        f"as of: {written(loaders.now())}",
        f"watchlist: {name}",
        f"rows: {len(frame)}",
    ]
    return Export(tuple(header), frame.assign(mode=loaders.mode().value))
