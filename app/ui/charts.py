"""Charts: pure functions from frames to figures.

Puts and calls differ by marker shape and line style as well as by colour; the colours are Okabe and Ito's, chosen to
show on light and dark ground alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.ui import formats, text
from scanner.calendar import NEW_YORK
from scanner.model import ScanResult, Strategy

PUT_COLOUR: Final = "#D55E00"
CALL_COLOUR: Final = "#0072B2"
PASSED_COLOUR: Final = "#009E73"
NEUTRAL: Final = "#8A949C"
HIGHLIGHT: Final = "#E69F00"

_SIDES: Final = (
    ("put", "Puts", PUT_COLOUR, "triangle-down", "dot"),
    ("call", "Calls", CALL_COLOUR, "circle-open", "solid"),
)
_HEIGHT: Final = 330
_PAYOFF_POINTS: Final = 201


def quote_ages(by_source: Mapping[str, Mapping[datetime, float]]) -> go.Figure:
    """Mean age of quotes in minutes over the hour in New York, a line for each source."""
    figure = go.Figure()
    hours = [hour.astimezone(NEW_YORK).replace(tzinfo=None) for ages in by_source.values() for hour in ages]
    for number, (source, ages) in enumerate(by_source.items()):
        figure.add_scatter(
            x=[hour.astimezone(NEW_YORK).replace(tzinfo=None) for hour in ages],
            y=[seconds / 60 for seconds in ages.values()],
            name=source,
            mode="lines+markers",
            marker_symbol=number,
            hovertemplate=f"{source} %{{x|%a %H:%M}}: %{{y:,.1f}} min<extra></extra>",
        )
    figure.update_xaxes(title="hour in New York", tickformat="%H:%M<br>%a", range=_day_around(hours))
    figure.update_yaxes(title="minutes", rangemode="tozero", tickformat=",~g")
    return framed(figure)


def _day_around(hours: Sequence[datetime]) -> tuple[datetime, datetime]:
    """The last 24 hours up to the latest one: a single point has no span of its own."""
    return max(hours) - timedelta(hours=24), max(hours) + timedelta(hours=1)


def funnel_steps(result: ScanResult) -> pd.DataFrame:
    """The account of a scan: columns step, contracts, kind (fetched, rejected, passed, shown), remedy."""
    steps = [("Fetched", result.fetched, "fetched", "")]
    steps += [
        (text.REASONS[reason].capitalize(), number, "rejected", text.REMEDIES.get(reason, ""))
        for reason, number in result.rejected.items()
    ]
    steps += [("Passed", result.passed, "passed", ""), ("Shown", result.shown, "shown", "")]
    return pd.DataFrame(steps, columns=["step", "contracts", "kind", "remedy"])


def funnel(steps: pd.DataFrame) -> go.Figure:
    """Bars from fetched through every reason of rejection to passed and shown, as a falling staircase."""
    colours = {"fetched": NEUTRAL, "rejected": PUT_COLOUR, "passed": PASSED_COLOUR, "shown": CALL_COLOUR}
    rejected = steps["contracts"].where(steps["kind"] == "rejected", 0)
    left = steps["contracts"].iloc[0] - rejected.cumsum()
    base = left.where(steps["kind"] == "rejected", 0)
    figure = go.Figure(
        go.Bar(
            y=steps["step"],
            x=steps["contracts"],
            base=base,
            orientation="h",
            marker_color=[colours[kind] for kind in steps["kind"]],
            text=[f"{number:,}" for number in steps["contracts"]],
            textposition="outside",
            cliponaxis=False,
            customdata=steps["contracts"],
            hovertemplate="%{y}: %{customdata:,}<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", title=None)
    figure.update_xaxes(title="contracts", rangemode="tozero")
    return framed(figure, height=60 + 26 * len(steps), legend=False)


def payoff_per_share(
    strategy: Strategy, prices: np.ndarray, *, strike: float, premium: float, spot: float
) -> np.ndarray:
    """Profit at expiration in $/share of one short put, or of shares held at `spot` with a short call."""
    if strategy is Strategy.CASH_SECURED_PUT:
        return np.asarray(premium - np.maximum(strike - prices, 0.0))
    return np.asarray(np.minimum(prices, strike) - spot + premium)


def payoff(row: pd.Series) -> go.Figure:
    """Profit of one contract at expiration in $ over the stock price; `row` of `schema.SCAN` with a known premium."""
    strategy, spot, strike = Strategy(row["strategy"]), float(row["spot"]), float(row["strike"])
    low, high = _price_range(row)
    prices = np.union1d(np.linspace(low, high, _PAYOFF_POINTS), [strike, float(row["break_even"])])
    profit = payoff_per_share(strategy, prices, strike=strike, premium=float(row["premium"]), spot=spot)
    profit *= float(row["multiplier"])
    figure = go.Figure()
    if not formats.is_unknown(row["lower_1sd"]):
        figure.add_vrect(
            x0=row["lower_1sd"], x1=row["upper_1sd"], fillcolor=NEUTRAL, opacity=0.15, line_width=0, layer="below"
        )
    colour, dash = (PUT_COLOUR, "dot") if strategy is Strategy.CASH_SECURED_PUT else (CALL_COLOUR, "solid")
    figure.add_scatter(
        x=prices,
        y=profit,
        mode="lines",
        line={"color": colour, "width": 3},
        hovertemplate="stock %{x:$,.2f}: %{y:$,.0f}<extra></extra>",
    )
    figure.add_hline(y=0, line_color=NEUTRAL, line_width=1)
    for value, label, style, height, side in (
        (spot, " price", "solid", 1, "left"),
        (row["break_even"], "b/e ", "dash", 1, "right"),
        (strike, " strike", dash, 0, "left"),
    ):
        figure.add_vline(x=value, line_color=NEUTRAL, line_width=1, line_dash=style)
        figure.add_annotation(
            x=value, y=height, yref="paper", yanchor="bottom", xanchor=side, text=label, showarrow=False
        )
    figure.update_xaxes(title="stock price at expiration, $ (grey: one standard deviation)", range=[low, high])
    figure.update_yaxes(title="profit per contract, $", tickformat=",.0f")
    return framed(figure, legend=False)


def _price_range(row: pd.Series) -> tuple[float, float]:
    points = [row["spot"], row["strike"], row["break_even"], row["lower_1sd"], row["upper_1sd"]]
    known = [float(point) for point in points if not formats.is_unknown(point)]
    margin = 0.35 * (max(known) - min(known)) + 0.02 * float(row["spot"])
    return max(0.0, min(known) - margin), max(known) + margin


def smile(chain: pd.DataFrame, occ_symbol: str) -> go.Figure:
    """Implied volatility in percent over the strike of one expiration, the chosen contract ringed.

    Only out-of-the-money contracts are drawn: the other side at a strike has the same volatility by construction.
    """
    figure = go.Figure()
    known = chain.loc[chain["iv"].notna()].sort_values("strike")
    for side, name, colour, symbol, dash in _SIDES:
        points = known.loc[(known["option_type"] == side) & (known["otm_pct"] >= 0)]
        figure.add_scatter(
            x=points["strike"],
            y=points["iv"] * 100,
            name=f"{name} out of the money",
            mode="lines+markers",
            line={"color": colour, "width": 1, "dash": dash},
            marker={"symbol": symbol, "size": 9, "color": colour, "line": {"width": 2, "color": colour}},
            hovertemplate=name + " %{x:,.2f}: %{y:.1f} %<extra></extra>",
        )
    chosen = known.loc[known["occ_symbol"] == occ_symbol]
    figure.add_scatter(
        x=chosen["strike"],
        y=chosen["iv"] * 100,
        name="This contract",
        mode="markers",
        marker={"symbol": "square-open", "size": 18, "color": HIGHLIGHT, "line": {"width": 3}},
        hoverinfo="skip",
    )
    spot = chain["spot"].dropna()
    if len(spot):
        figure.add_vline(x=float(spot.iloc[0]), line_color=NEUTRAL, line_width=1)
        figure.add_annotation(
            x=float(spot.iloc[0]), y=0, yref="paper", yanchor="bottom", xanchor="left", text=" price", showarrow=False
        )
    figure.update_xaxes(title="strike, $")
    figure.update_yaxes(title="implied volatility, %")
    return framed(figure)


def sector_heat_map(rows: pd.DataFrame, sectors: pd.Series) -> go.Figure:
    """Median annual return in percent by sector and target expiration week; the number of contracts in each cell.

    `sectors` gives the sector of each row; unknown ones stand in a line of their own.
    """
    frame = pd.DataFrame(
        {
            "sector": sectors.fillna("Sector unknown").to_numpy(),
            "dte": rows["dte"].to_numpy(),
            "annual": rows["annual_return"].to_numpy(),
        }
    ).dropna(subset="annual")
    cells = frame.groupby(["sector", "dte"])["annual"].agg(["median", "size"]).reset_index()
    value = cells.pivot(index="sector", columns="dte", values="median").sort_index(ascending=False)
    size = cells.pivot(index="sector", columns="dte", values="size").reindex_like(value)
    words = [
        ["" if np.isnan(one) else f"{one:.1f}<br>n {n:.0f}" for one, n in zip(line, numbers, strict=True)]
        for line, numbers in zip(value.to_numpy(), size.to_numpy(), strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=value.to_numpy(),
            x=[f"{dte} d" for dte in value.columns],
            y=list(value.index),
            text=words,
            texttemplate="%{text}",
            colorscale="Cividis",
            colorbar={"title": "annual %", "thickness": 12},
            hovertemplate="%{y}, %{x}: median %{z:.1f} %<extra></extra>",
            xgap=2,
            ygap=2,
        )
    )
    figure.update_xaxes(title="days to expiration", type="category")
    return framed(figure, height=110 + 42 * max(1, len(value)), legend=False)


def delta_return(rows: pd.DataFrame) -> go.Figure:
    """Annual return in percent over |delta|, one marker a contract."""
    figure = go.Figure()
    for side, name, colour, symbol, _ in _SIDES:
        points = rows.loc[(rows["option_type"] == side) & rows["annual_return"].notna() & rows["delta"].notna()]
        if points.empty:
            continue
        figure.add_scatter(
            x=points["delta"].abs(),
            y=points["annual_return"],
            name=name,
            mode="markers",
            marker={"symbol": symbol, "size": 8, "color": colour, "opacity": 0.75, "line": {"color": colour}},
            customdata=np.column_stack((points["symbol"], points["strike"], points["dte"])),
            hovertemplate="%{customdata[0]} %{customdata[1]:,.2f}, %{customdata[2]} d<br>"
            "|delta| %{x:.2f}, %{y:.1f} % a year<extra></extra>",
        )
    figure.update_xaxes(title="|delta|")
    figure.update_yaxes(title="annual return, %", rangemode="tozero")
    return framed(figure)


def yield_by_dte(rows: pd.DataFrame) -> go.Figure:
    """Monthly return in percent by days to expiration: median, quartiles and extremes."""
    figure = go.Figure()
    for side, name, colour, _, _ in _SIDES:
        points = rows.loc[(rows["option_type"] == side) & rows["monthly_return"].notna()].sort_values("dte")
        if points.empty:
            continue
        figure.add_box(
            x=points["dte"].astype(str) + " d",
            y=points["monthly_return"],
            name=name,
            marker_color=colour,
            line_width=1.5,
            boxpoints=False,
        )
    figure.update_xaxes(title="days to expiration", type="category")
    figure.update_yaxes(title="monthly return, %", rangemode="tozero")
    figure.update_layout(boxmode="group")
    return framed(figure)


def framed(figure: go.Figure, *, height: int = _HEIGHT, legend: bool = True) -> go.Figure:
    """The size, margins and legend that all charts share."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 24, "t": 28, "b": 8},
        showlegend=legend,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return figure
