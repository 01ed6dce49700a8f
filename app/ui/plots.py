"""How every chart is put on a page: one button that saves it as a picture, and the mode of the data in the picture."""

from __future__ import annotations

from typing import Any, Final

import plotly.graph_objects as go
import streamlit as st

from app.ui import loaders, text
from scanner.model import Mode

_CONFIG: Final[dict[str, Any]] = {
    "displaylogo": False,
    "modeBarButtons": [["toImage"]],
    "toImageButtonOptions": {"format": "png", "scale": 2, "filename": "options-scanner"},
}


def show(figure: go.Figure, *, alt: str) -> None:
    """Draw a figure; a pointer over it shows the button."""
    mark(figure, loaders.mode())
    st.plotly_chart(figure, config=_CONFIG, alt=alt)


def mark(figure: go.Figure, mode: Mode) -> None:
    """Write across the picture what its numbers are where they are not the market's."""
    if mode not in text.BANNERS:
        return
    figure.add_annotation(
        text=text.BANNERS[mode][0],
        **{"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False},
        font={"size": 26},
        opacity=0.16,
    )
