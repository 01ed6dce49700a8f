"""Charts of skew over time: pure functions from frames to figures. What is unknown is a gap, never a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from app.services.flow import Mood
from app.services.smiles import Smile
from app.services.volatility_history import VolatilityOfSession
from app.ui import formats
from app.ui.charts import NEUTRAL, framed
from scanner.calendar import NEW_YORK

_SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up", "cross", "x")
_DASHES: Final = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_SIDES: Final = {"put": "triangle-down", "call": "circle-open"}


@dataclass(frozen=True, slots=True)
class Measure:
    """A column of `schema.SKEW_HISTORY`, shown times `scale`."""

    label: str
    column: str
    unit: str
    scale: float = 1.0
    decimals: int = 2

    def values(self, rows: pd.DataFrame) -> pd.Series:
        values: pd.Series = rows[self.column] * self.scale
        return values


MEASURES: Final = {
    measure.label: measure
    for measure in (
        Measure("25-delta skew", "skew_25d", "vol points"),
        Measure("Put skew", "put_skew", "vol points"),
        Measure("Call skew", "call_skew", "vol points"),
        Measure("ATM volatility", "atm_iv", "%", 100.0, 1),
        Measure("Implied move", "expected_move_pct", "% of the price"),
    )
}


def over_time(series: Mapping[str, pd.DataFrame], measure: Measure) -> go.Figure:
    """A line for each symbol over the scans of a session (`timestamp`) or over sessions (`session`)."""
    figure = go.Figure()
    for number, (symbol, rows) in enumerate(series.items()):
        sessions = "session" in rows.columns
        times = rows["session"] if sessions else rows["timestamp"].dt.tz_convert(NEW_YORK).dt.tz_localize(None)
        expires = rows["expiration"].dt.strftime("%Y-%m-%d").fillna("")
        figure.add_scatter(
            x=times.dt.strftime("%a %d %b") if sessions else times,
            y=measure.values(rows),
            name=symbol,
            mode="lines+markers",
            connectgaps=False,
            line={"dash": _DASHES[number % len(_DASHES)], "width": 2},
            marker={"symbol": _SYMBOLS[number % len(_SYMBOLS)], "size": 6},
            customdata=expires,
            hovertemplate=f"{symbol} %{{x}}: %{{y:,.{measure.decimals}f}} {measure.unit}<br>"
            "expires %{customdata}<extra></extra>",
        )
    _time_axis(figure, categories=any("session" in rows.columns for rows in series.values()))
    figure.update_yaxes(title=f"{measure.label}, {measure.unit}")
    return framed(figure)


def term_structure(rows: pd.DataFrame, measure: Measure) -> go.Figure:
    """A line for each (symbol, root) over its expirations in the newest scan: a `schema.SKEW_ROWS` frame."""
    figure = go.Figure()
    for number, ((symbol, root), part) in enumerate(rows.groupby(["symbol", "root"])):
        name = str(symbol) if symbol == root else f"{symbol} {root}"
        figure.add_scatter(
            x=part["expiration"],
            y=measure.values(part),
            name=name,
            mode="lines+markers",
            connectgaps=False,
            line={"dash": _DASHES[number % len(_DASHES)], "width": 2},
            marker={"symbol": _SYMBOLS[number % len(_SYMBOLS)], "size": 8},
            hovertemplate=f"{name} %{{x|%Y-%m-%d}}: %{{y:,.{measure.decimals}f}} {measure.unit}<extra></extra>",
        )
    days = sorted(set(rows["expiration"]))
    figure.update_xaxes(title="expiration", tickvals=days, ticktext=[f"{day:%d %b}" for day in days])
    figure.update_yaxes(title=f"{measure.label}, {measure.unit}")
    return framed(figure)


def smiles(found: Mapping[str, Smile]) -> go.Figure:
    """The points of each smile by side, and its curve where there is one, over strike as % of the forward."""
    figure = go.Figure()
    for number, (name, smile) in enumerate(found.items()):
        colour = ("#0072B2", "#D55E00", "#009E73")[number % 3]
        for side, symbol in _SIDES.items():
            points = smile.points[smile.points["option_type"] == side]
            figure.add_scatter(
                x=100 * points["of_forward"],
                y=100 * points["iv"],
                name=name,
                legendgroup=name,
                showlegend=side == "put",
                mode="markers",
                marker={"symbol": symbol, "size": 7, "color": colour, "line": {"width": 1.5, "color": colour}},
                customdata=points["strike"],
                hovertemplate=f"{name}, {side} %{{customdata:,.2f}}: %{{y:.1f}} %<extra></extra>",
            )
        figure.add_scatter(
            x=100 * smile.curve["of_forward"],
            y=100 * smile.curve["iv"],
            name=f"{name}, fitted",
            legendgroup=name,
            showlegend=False,
            mode="lines",
            line={"color": colour, "dash": _DASHES[number], "width": 2},
            hoverinfo="skip",
        )
    figure.add_vline(x=100, line_color=NEUTRAL, line_width=1.5)
    figure.update_xaxes(title="strike, % of the forward")
    figure.update_yaxes(title="implied volatility, %")
    return framed(figure)


def volatility(rows: Sequence[VolatilityOfSession]) -> go.Figure:
    """Implied volatility 30 days ahead beside the realised one of 20 and of 60 sessions, by session."""
    lines = (
        ("IV, 30 days ahead", [row.iv30 for row in rows], "solid", "#D55E00", "lines+markers"),
        ("Realised, 20 sessions", [row.rv20 for row in rows], "solid", "#0072B2", "lines"),
        ("Realised, 60 sessions", [row.rv60 for row in rows], "dash", "#009E73", "lines"),
    )
    figure = go.Figure()
    for name, values, dash, colour, mode in lines:
        figure.add_scatter(
            x=[row.session for row in rows],
            y=[None if value is None else 100 * value for value in values],
            name=name,
            mode=mode,
            connectgaps=False,
            line={"dash": dash, "width": 2, "color": colour},
            marker={"size": 6},
            hovertemplate=f"{name}, %{{x|%Y-%m-%d}}: %{{y:.1f}} %<extra></extra>",
        )
    figure.update_yaxes(title="volatility, % a year")
    return framed(figure)


def sentiment(moods: Sequence[Mood], days: Sequence[Any]) -> go.Figure:
    """Mean skew over symbols after the last scan of each session, with its bands."""
    by_day = {mood.timestamp.astimezone(NEW_YORK).date(): mood for mood in moods}
    shown = [by_day.get(day) for day in days]
    figure = go.Figure(
        go.Scatter(
            x=[f"{day:%a %d %b}" for day in days],
            y=[None if mood is None else mood.avg_skew for mood in shown],
            mode="lines+markers",
            connectgaps=False,
            customdata=[
                "" if mood is None else f"{formats.words(mood.market_sentiment)}, n {mood.n}" for mood in shown
            ],
            hovertemplate="%{x}: %{y:+.2f} vol points, %{customdata}<extra></extra>",
        )
    )
    for level, words in ((5, "extreme fear above"), (3, "elevated fear above"), (-1, "neutral above")):
        figure.add_hline(
            y=level,
            line={"color": NEUTRAL, "dash": "dot", "width": 1},
            annotation={"text": words, "font_size": 11},
            annotation_position="top left",
        )
    _time_axis(figure, categories=True)
    figure.update_yaxes(title="mean 25-delta skew, vol points")
    return framed(figure, legend=False)


def _time_axis(figure: go.Figure, *, categories: bool) -> None:
    if categories:
        figure.update_xaxes(title="last scan of each session", type="category", nticks=10)
    else:
        figure.update_xaxes(title="New York", tickformat="%H:%M")
