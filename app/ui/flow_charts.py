"""Charts of one underlying's flow: pure functions from frames to figures.

Puts are hatched or drawn as triangles, so that they differ from calls without colour too.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.ui.charts import CALL_COLOUR, NEUTRAL, PUT_COLOUR, framed
from scanner.signals.flow import FRESH_RATIO
from scanner.signals.strikes import Walls

_SIDES: Final = (("call", "Calls", CALL_COLOUR, "", "circle-open"), ("put", "Puts", PUT_COLOUR, "/", "triangle-down"))
_SHOWN_AROUND_SPOT: Final = 0.15


def open_interest(strikes: pd.DataFrame, walls: Walls, spot: float | None) -> go.Figure:
    """Open interest of calls and puts over the strike; `strikes` a `schema.STRIKE_FLOW` frame."""
    figure, step = go.Figure(), _step(strikes)
    for side, name, colour, hatch, _ in _SIDES:
        figure.add_bar(
            x=strikes["strike"],
            y=strikes[f"{side}_open_interest"],
            name=name,
            width=0.45 * step,
            offset=(-0.45 if side == "call" else 0.0) * step,
            marker=_bar(colour, hatch),
            hovertemplate=f"{name} %{{x:,.2f}}: %{{y:,.0f}}<extra></extra>",
        )
    figure.update_layout(barmode="overlay")
    figure.update_yaxes(title="contracts", tickformat=",.0f", rangemode="tozero")
    return _over_strikes(figure, strikes, walls, spot)


def net_gex(strikes: pd.DataFrame, walls: Walls, spot: float | None) -> go.Figure:
    """Net gamma exposure over the strike, $ per 1 % move, calls positive and puts negative."""
    figure = go.Figure()
    net = strikes["net_gex"]
    for name, shown, colour, hatch in (
        ("Calls outweigh puts", net >= 0, CALL_COLOUR, ""),
        ("Puts outweigh calls", net < 0, PUT_COLOUR, "/"),
    ):
        figure.add_bar(
            x=strikes["strike"],
            y=net.where(shown),
            name=name,
            width=0.8 * _step(strikes),
            marker=_bar(colour, hatch),
            hovertemplate="%{x:,.2f}: %{y:$,.3s} per 1 %<extra></extra>",
        )
    figure.update_layout(barmode="overlay")
    figure.update_yaxes(title="$ per 1 % move (naive sign)", tickformat="$,.2s", zerolinecolor=NEUTRAL)
    return _over_strikes(figure, strikes, walls, spot)


def drawable(flow: pd.DataFrame) -> pd.DataFrame:
    """The contracts of a `schema.FLOW` frame that a logarithmic scale can show: traded today and open before."""
    return flow[(flow["volume"] > 0) & (flow["open_interest"] > 0)]


def volume_against_interest(flow: pd.DataFrame) -> go.Figure:
    """Volume over open interest, both logarithmic, a marker a contract, with the line from which interest is fresh."""
    figure = go.Figure()
    known = drawable(flow)
    for side, name, colour, _, symbol in _SIDES:
        points = known[known["option_type"] == side]
        figure.add_scatter(
            x=points["open_interest"],
            y=points["volume"],
            name=name,
            mode="markers",
            marker={
                "symbol": symbol,
                "size": 8,
                "color": colour,
                "opacity": 0.8,
                "line": {"width": 1.5, "color": colour},
            },
            customdata=np.column_stack(
                (points["expiration"].dt.strftime("%Y-%m-%d"), points["strike"], points["vol_oi_ratio"])
            ),
            hovertemplate=name[:-1] + " %{customdata[1]:,.2f}, %{customdata[0]}<br>volume %{y:,.0f}, "
            "open interest %{x:,.0f}, ratio %{customdata[2]:,.2f}<extra></extra>",
        )
    if len(known):
        ends = np.array([known["open_interest"].min(), known["open_interest"].max()])
        figure.add_scatter(
            x=ends,
            y=ends * FRESH_RATIO,
            name=f"volume = {FRESH_RATIO:g} x open interest",
            mode="lines",
            line={"color": NEUTRAL, "dash": "dash", "width": 1.5},
            hoverinfo="skip",
        )
    figure.update_xaxes(title="open interest of the session before, contracts", type="log", tickformat=",.0f", dtick=1)
    figure.update_yaxes(title="volume today, contracts", type="log", tickformat=",.0f", dtick=1)
    return framed(figure)


def _over_strikes(figure: go.Figure, strikes: pd.DataFrame, walls: Walls, spot: float | None) -> go.Figure:
    """Walls and price as lines, named in the legend: they often lie side by side, or on one strike."""
    for value, name, dash in (
        (walls.put, "put wall", "dot"),
        (walls.call, "call wall", "dash"),
        (spot, "price", "solid"),
    ):
        if value is not None:
            line = {"color": NEUTRAL, "width": 1.5, "dash": dash}
            figure.add_vline(x=value, line=line)
            figure.add_scatter(x=[None], y=[None], name=f"{name} {value:,.2f}", mode="lines", line=line)
    figure.update_xaxes(title="strike, $", range=_range(strikes, walls, spot))
    return framed(figure)


def _bar(colour: str, hatch: str) -> dict[str, Any]:
    return {"color": colour, "line_width": 0, "pattern": {"shape": hatch, "fillmode": "overlay", "size": 5}}


def _step(strikes: pd.DataFrame) -> float:
    """The usual distance of two strikes, $."""
    return float(np.median(np.diff(strikes["strike"]))) if len(strikes) > 1 else 1.0


def _range(strikes: pd.DataFrame, walls: Walls, spot: float | None) -> list[float] | None:
    """The strikes around the price, wide enough for the walls; all of them where the price is unknown."""
    if spot is None or strikes.empty:
        return None
    known = [value for value in (walls.call, walls.put) if value is not None]
    low = min([spot * (1 - _SHOWN_AROUND_SPOT), *known])
    high = max([spot * (1 + _SHOWN_AROUND_SPOT), *known])
    step = _step(strikes)
    return [max(low, float(strikes["strike"].min())) - step, min(high, float(strikes["strike"].max())) + step]
