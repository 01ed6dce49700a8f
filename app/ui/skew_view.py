"""Skew over time: the choice of symbols, the series, smiles, term structure, changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import pandas as pd
import streamlit as st

from app.services import skew_series
from app.services.skew_series import Percentile
from app.services.smiles import Smile
from app.ui import downloads, formats, keys, loaders, plots, skew_charts, skew_loaders
from app.ui.flow_view import units
from app.ui.skew_charts import MEASURES, Measure
from app.ui.skew_loaders import Time

MOST_SYMBOLS: Final = 6
NEAREST: Final = "Nearest from 5 days on"
SESSION: Final = "Latest session"
THIRTY: Final = "30 sessions"
_ALWAYS: Final = ("SPY", "QQQ")


@dataclass(frozen=True, slots=True)
class Choice:
    """`unit`: one expiration as `flow_view.units` writes it, or the nearest of each scan. `frames`: whole histories."""

    symbols: tuple[str, ...]
    unit: str
    measure: Measure
    sessions: bool
    frames: Mapping[str, pd.DataFrame]


def choose(prefix: str, skew: pd.DataFrame, time: Time) -> Choice:
    """What is to be seen, in the address bar."""
    known = sorted(set(skew["symbol"]))
    start = [symbol for symbol in _ALWAYS if symbol in known] or known[:1]
    left, middle, right, far = st.columns([4, 2, 2, 2], gap="small")
    with left:
        symbols = st.multiselect(
            "Symbols", known, default=start, max_selections=MOST_SYMBOLS, **_bound(prefix, "symbols", _SYMBOLS_HELP)
        )
    chosen = skew[skew["symbol"].isin(symbols)]
    with middle:
        unit = st.selectbox(
            "Expiration", [NEAREST, *sorted(set(units(chosen)))], **_bound(prefix, "expiration", _EXPIRATION_HELP)
        )
    with right:
        label = st.selectbox("Measure", list(MEASURES), **_bound(prefix, "measure", _MEASURE_HELP))
    with far:
        span = st.segmented_control(
            "Time", [SESSION, THIRTY], default=THIRTY, required=True, **_bound(prefix, "time", _TIME_HELP)
        )
    frames = {symbol: skew_loaders.history(symbol, time.since) for symbol in symbols}
    return Choice(tuple(symbols), str(unit), MEASURES[str(label)], span == THIRTY, frames)


_SYMBOLS_HELP: Final = f"At most {MOST_SYMBOLS} at once."
_EXPIRATION_HELP: Final = (
    "One expiration over time, or of each scan the nearest that is at least five days away, as for the market's "
    "sentiment: it changes from week to week, and the chart says which it is."
)
_MEASURE_HELP: Final = "25-delta skew is put less call volatility; put and call skew are their distances from ATM."
_TIME_HELP: Final = "Every 15 minutes of the latest session, or the last scan of each of 30 sessions."


def series(choice: Choice, time: Time) -> dict[str, pd.DataFrame]:
    """The rows to draw of each symbol: one for each slot or session, unknown where there is none."""
    found = {}
    for symbol, frame in choice.frames.items():
        rows = _unit_rows(frame, choice.unit)
        found[symbol] = (
            skew_series.at_closes(rows, time.sessions) if choice.sessions else skew_series.at_slots(rows, time.slots)
        )
    return found


def _unit_rows(frame: pd.DataFrame, unit: str) -> pd.DataFrame:
    if unit == NEAREST:
        return skew_series.nearest_of_each_scan(frame)
    return frame[units(frame) == unit].drop_duplicates("timestamp", keep="last")


def over_time(prefix: str, choice: Choice, time: Time) -> None:
    """The chart with the place of the latest value of each symbol in its own 30 sessions, and the CSV."""
    rows = series(choice, time)
    if not any(choice.measure.values(one).notna().any() for one in rows.values()):
        st.info("Nothing is known of these symbols in this time. Choose another expiration or time.")
        return
    plots.show(skew_charts.over_time(rows, choice.measure), alt=f"{choice.measure.label} over time")
    st.caption(missing_line(rows, choice))
    with st.grid(MOST_SYMBOLS, min_column_width=180) as grid:
        for symbol, frame in choice.frames.items():
            closes = choice.measure.values(skew_series.at_closes(_unit_rows(frame, choice.unit), time.sessions))
            with grid.cell():
                _latest(symbol, closes, choice.measure)
    with st.container(horizontal=True):
        downloads.show(
            prefix,
            lambda: skew_loaders.export_of(
                pd.concat(list(choice.frames.values()), ignore_index=True), ", ".join(choice.symbols)
            ),
            name="skew-history",
            contents="Every scan and expiration of these symbols in the last 30 sessions, with all fields, source and "
            "mode.",
        )


def _latest(symbol: str, closes: pd.Series, measure: Measure) -> None:
    place = skew_series.percentile(closes)
    value = closes.iloc[-1] if len(closes) else float("nan")
    sign = "+" if measure.scale == 1.0 else ""
    st.metric(
        symbol,
        formats.number(value, f"{{:{sign},.{measure.decimals}f}}"),
        border=True,
        help=f"{measure.label}, {measure.unit}, of the latest session's last scan.",
    )
    st.caption(percentile_line(place))


def percentile_line(place: Percentile) -> str:
    """ "Higher than 63 % of 29 earlier sessions", or why that is unknown."""
    if place.value is None:
        return f"Percentile unknown: {place.n} earlier sessions, {skew_series.LEAST_FOR_PERCENTILE} are needed"
    return f"Higher than {place.value:.0f} % of {place.n} earlier sessions"


def missing_line(rows: Mapping[str, pd.DataFrame], choice: Choice) -> str:
    """How many points of time have no value, by symbol; and what the line is of."""
    missing = {symbol: int(choice.measure.values(frame).isna().sum()) for symbol, frame in rows.items()}
    parts = [f"{symbol} {number}" for symbol, number in missing.items() if number]
    total = max((len(frame) for frame in rows.values()), default=0)
    unknown = f"Without a value, of {total}: {', '.join(parts)}. " if parts else ""
    which = (
        "Of each scan the nearest expiration from 5 days on."
        if choice.unit == NEAREST
        else f"The expiration {choice.unit}."
    )
    return f"{unknown}{which}"


def smiles(prefix: str, skew: pd.DataFrame, choice: Choice, time: Time) -> None:
    """The smile of one expiration now, at the last scan of the session before, and of the fifth before."""
    left, right, _ = st.columns([2, 2, 6], gap="small")
    with left:
        symbol = st.selectbox("Smile of", choice.symbols, **_bound(prefix, "smile", "One of the chosen symbols."))
    rows = skew[skew["symbol"] == symbol]
    by_unit = dict(zip(units(rows), zip(rows["root"], rows["expiration"], strict=True), strict=True))
    with right:
        unit = st.selectbox("Of the expiration", list(by_unit), **_bound(prefix, "smile_expiration", _SMILE_HELP))
    root, expiration = by_unit[str(unit)]
    found = _smiles(str(symbol), str(root), expiration.date(), time)
    if not found:
        st.info("No chain of this expiration was kept. The next flow scan keeps its own.")
        return
    plots.show(skew_charts.smiles(found), alt="Implied volatility by strike, now and before")
    st.caption(smile_line(found))


_SMILE_HELP: Final = "Points are out-of-the-money quotes, lines the fitted smile where one is free of arbitrage."


def _smiles(symbol: str, root: str, expiration: date, time: Time) -> dict[str, Smile]:
    now = skew_loaders.smile(symbol, root, expiration, loaders.now())
    found = {"Latest scan": now}
    for label, back in (("Session before", 1), ("Five sessions before", 5)):
        if len(time.sessions) > back:
            session = time.sessions[-1 - back]
            then = skew_loaders.smile(symbol, root, expiration, skew_loaders.close_before(session))
            found[label] = then if then and then.fetched_at.date() == session else None
    return {label: smile for label, smile in found.items() if smile is not None}


def smile_line(found: Mapping[str, Smile]) -> str:
    """When each chain was fetched, where it comes from, and why a curve is missing."""
    parts = []
    for label, smile in found.items():
        fitted = "" if smile.reason is None else f", no curve: {smile.reason.replace('_', ' ')}"
        at = formats.new_york_time(smile.fetched_at, now=loaders.now())
        parts.append(f"{label}: {at}, {smile.source}, {len(smile.points)} quotes{fitted}")
    return ". ".join(parts) + ". Triangles are puts, circles calls, lines the fitted smile."


def term_structure(skew: pd.DataFrame, choice: Choice) -> None:
    rows = skew[skew["symbol"].isin(choice.symbols)]
    plots.show(
        skew_charts.term_structure(rows, choice.measure),
        alt=f"{choice.measure.label} by expiration in the newest scan",
    )


def changes(choice: Choice, time: Time) -> None:
    """Every expiration of the newest scan with its changes."""
    frames = [skew_series.changes(frame, time.sessions) for frame in choice.frames.values() if len(frame)]
    if not frames:
        st.info("No scan of these symbols is stored.")
        return
    rows = pd.concat(frames, ignore_index=True)
    shown = pd.DataFrame({"Ticker": rows["symbol"], "Expiration": units(rows)})
    config = {}
    for name, (label, scale) in _CHANGE_COLUMNS.items():
        for end, (words, help_text) in _ENDS.items():
            write = formats.signed if end else formats.number
            shown[f"{label}{words}"] = [write(value) for value in rows[f"{name}{end}"] * scale]
            config[f"{label}{words}"] = st.column_config.TextColumn(alignment="right", help=help_text)
    st.dataframe(shown, hide_index=True, column_config=config, alt="Changes of skew and volatility by expiration")
    st.caption("Changes are of the same expiration. A dash: unknown now, or then.")


_CHANGE_COLUMNS: Final = {"skew_25d": ("Skew", 1.0), "atm_iv": ("ATM %", 100.0)}
_ENDS: Final = {
    "": ("", "In the newest scan: skew in vol points, ATM volatility in %."),
    "_scan": (", scan before", "Change since the scan before."),
    "_session": (", session before", "Change since the last scan of the session before."),
    "_5_sessions": (", 5 sessions before", "Change since the last scan of the fifth session before."),
}


def sentiment(time: Time) -> None:
    moods = skew_loaders.moods(time.since)
    if not moods:
        st.info("No scan is over yet.")
        return
    plots.show(skew_charts.sentiment(moods, time.sessions), alt="Mean skew of the market by session")
    last = moods[-1]
    at, mean = formats.new_york_time(last.timestamp, now=loaders.now()), formats.number(last.avg_skew, "{:+.2f}")
    st.caption(
        f"{formats.words(last.market_sentiment)} after the scan of {at} New York: mean {mean} vol points over {last.n} "
        f"symbols, {last.without_skew} without skew."
    )


def _bound(prefix: str, name: str, help_text: str) -> dict[str, Any]:
    return {"key": keys.field(prefix, name), "bind": "query-params", "help": help_text}
