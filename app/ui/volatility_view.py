"""Implied against realised volatility of one stock over a year."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from app.services.volatility_history import VolatilityOverTime
from app.ui import downloads, formats, keys, loaders, plots, skew_charts, skew_loaders
from scanner.volatility_history import SESSIONS


def show(prefix: str, symbols: Sequence[str]) -> None:
    """The chart of one of the symbols, how complete it is, and the rows."""
    left, _ = st.columns([2, 8], gap="small")
    with left:
        symbol = st.selectbox(
            "Volatility of", symbols, key=keys.field(prefix, "volatility"), bind="query-params", help=_HELP
        )
    found = skew_loaders.volatility(str(symbol))
    if not found.sessions:
        st.info(
            "No session of it is kept. Daily closes come once a day, its implied volatility with the next sync.",
            title="Nothing to draw yet",
        )
        return
    plots.show(skew_charts.volatility(found.sessions), alt=f"Implied and realised volatility of {symbol}")
    st.caption(line(found))
    with st.container(horizontal=True):
        downloads.show(
            keys.field(prefix, "volatility"),
            lambda: skew_loaders.volatility_export(str(symbol), found),
            name=f"volatility-{symbol}",
            contents="Implied and realised volatility of each session, with sources and mode.",
        )


_HELP: Final = (
    "IV: at-the-money volatility 30 days ahead, total variance interpolated between the neighbouring expirations, the "
    "latest of each session. Realised: standard deviation of daily log returns of closes x sqrt(252)."
)


def line(found: VolatilityOverTime) -> str:
    """How many sessions each line is of, where they come from, and how far the latest two are apart."""
    implied = [(row.session, row.iv30) for row in found.sessions if row.iv30 is not None]
    past = [(row.session, row.rv20) for row in found.sessions if row.rv20 is not None]
    building = "" if len(implied) >= SESSIONS else f" of {SESSIONS}, building"
    named = sorted({row.source for row in found.sessions if row.iv30 is not None and row.source})
    sources = f" ({', '.join(named)})" if named else ""
    parts = [
        f"Sessions with IV: {len(implied)}{building}{sources}",
        f"with realised volatility: {len(past)}{_closes(found)}",
    ]
    if implied and past:
        (day, iv), (last, realised) = implied[-1], past[-1]
        points = 100 * (iv - realised)
        parts.append(f"latest IV ({day}) less realised of 20 sessions ({last}): {points:+.1f} points")
    return "; ".join(parts)


def _closes(found: VolatilityOverTime) -> str:
    if found.closes is None:
        return ""
    at = formats.new_york_time(found.closes.fetched_at, now=loaders.now())
    return f" (closes from {found.closes.source}, fetched {at} New York)"
