"""Small SVG pictures, the same bytes for the same numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scanner.pricing.arrays import Floats

_COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd")


def cumulative(
    path: Path, series: Mapping[str, Floats], *, title: str, label: str, limit: float | None, log: bool = False
) -> None:
    """The share of values at or below each size, one line per series; a dashed line at what is allowed."""
    figure, axes = _figure(title, label, "share at or below")
    for colour, (name, values) in zip(_COLOURS, series.items(), strict=False):
        shares = np.linspace(0.0, 1.0, 101)
        axes.plot(np.quantile(np.abs(values), shares), shares, label=name, color=colour)
    if log:
        axes.set_xscale("log")
    if limit is not None:
        axes.axvline(limit, color="#666666", linestyle="--", linewidth=1)
    axes.legend(frameon=False, fontsize=8)
    _save(figure, path)


def dots(path: Path, series: Mapping[str, Floats], *, title: str, label: str, limit: float) -> None:
    """Signed differences row by row, one colour per series; dashed lines at what is allowed."""
    figure, axes = _figure(title, "row", label)
    for colour, (name, values) in zip(_COLOURS, series.items(), strict=False):
        axes.plot(np.arange(1, len(values) + 1), values, "o", markersize=3.5, label=name, color=colour)
    for edge in (-limit, limit):
        axes.axhline(edge, color="#666666", linestyle="--", linewidth=1)
    axes.legend(frameon=False, fontsize=8)
    _save(figure, path)


def _figure(title: str, horizontal: str, vertical: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(horizontal, fontsize=9)
    axes.set_ylabel(vertical, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
    return figure, axes


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "options-scanner", "svg.fonttype": "none", "path.simplify": True}):
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
