"""Which opportunities are wanted: the filters, in the address bar, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import streamlit as st

from app.ui import filters, formats, keys
from scanner.signals.composite import SignalType

BOTH_SIDES: Final = "Both"
_SIDES: Final = {BOTH_SIDES: None, "Calls": "call", "Puts": "put"}
_HELP: Final = {
    "score": "Composite score, 0 to 100. 80 and more is extreme, 60 strong, 40 moderate.",
    "signal": "What skew and volume of the expiration suggest. None chosen: all.",
    "side": "Calls, puts, or both.",
    "symbols": "Choose symbols or paste a list. Empty: all.",
    "expirations": "Expiration dates. Empty: all.",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Conditions on opportunities; an empty one lets everything pass. Expirations are ISO dates."""

    score: int = 0
    signals: tuple[str, ...] = ()
    side: str | None = None
    symbols: tuple[str, ...] = ()
    expirations: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = {
            "min_composite_score": self.score,
            "signal_type": "+".join(self.signals) or "all",
            "option_type": self.side or "both",
            "symbols": "+".join(self.symbols) or "all",
            "expirations": "+".join(self.expirations) or "all",
        }
        return "; ".join(f"{name}={value}" for name, value in parts.items())


def passing(rows: pd.DataFrame, wanted: Wanted) -> pd.DataFrame:
    """The rows of a `schema.TOP_OPPORTUNITY` frame that meet every condition, in their order."""
    keep = rows["composite_score"] >= wanted.score
    if wanted.signals:
        keep &= rows["signal_type"].isin(wanted.signals)
    if wanted.side:
        keep &= rows["option_type"] == wanted.side
    if wanted.symbols:
        keep &= rows["symbol"].isin(wanted.symbols)
    if wanted.expirations:
        keep &= rows["expiration"].dt.strftime("%Y-%m-%d").isin(wanted.expirations)
    return rows[keep]


def show(prefix: str, *, symbols: Sequence[str], expirations: Sequence[str]) -> Wanted:
    """Draw the filters; they work at once."""
    left, middle, right = st.columns([2, 5, 2], gap="small")
    with left:
        score = st.slider("Min score", 0, 100, 0, 5, **_bound(prefix, "score"))
    with middle:
        signals = st.pills(
            "Signal",
            [kind.value for kind in SignalType],
            selection_mode="multi",
            format_func=formats.words,
            **_bound(prefix, "signal"),
        )
    with right:
        side = st.segmented_control("Side", list(_SIDES), default=BOTH_SIDES, required=True, **_bound(prefix, "side"))
    with st.grid(2, min_column_width=240, gap="small"):
        entries = _choice("Symbols", symbols, prefix, "symbols", f"All {len(symbols)} stocks")
        days = _choice("Expirations", expirations, prefix, "expirations", "All expirations")
    read = filters.read_symbols(entries)
    return Wanted(score, tuple(signals), _SIDES[side], read.symbols, tuple(days), read.invalid)


def _choice(label: str, options: Sequence[str], prefix: str, name: str, placeholder: str) -> list[str]:
    return st.multiselect(label, options, placeholder=placeholder, accept_new_options=True, **_bound(prefix, name))


def _bound(prefix: str, name: str) -> dict[str, Any]:
    return {"key": keys.field(prefix, name), "bind": "query-params", "help": _HELP[name]}
