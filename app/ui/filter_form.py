"""The filter form: one Apply; every value lives in the address bar, so that a link reproduces the scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from app.ui import filters, keyboard, keys, preferences
from app.ui.text import HELP
from scanner.errors import InputError
from scanner.model import DEFAULT_TARGET_DTES, Grade, PremiumFilters

_CELL: Final = 235


@dataclass(frozen=True, slots=True)
class Choice:
    """What the form asks for; no symbols means the whole universe."""

    symbols: tuple[str, ...]
    invalid: tuple[str, ...]
    filters: PremiumFilters


def show(
    title: str,
    prefix: str,
    defaults: PremiumFilters,
    *,
    universe: Sequence[str] | None = None,
    choose_rows: bool = True,
) -> Choice:
    """Draw title, presets and form; return what was applied last.

    With `universe`, symbols can be chosen from it; `choose_rows` offers the best or all rows of an expiration.
    Values that contradict one another are named below the form, and the run ends there.
    """
    preferences.begin_with_preferred(prefix, defaults)
    values = filters.widget_values(defaults)
    head = st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute")
    head.subheader(title, width="content")
    tools = head.container(horizontal=True, vertical_alignment="bottom", width="content")
    with st.form(keys.field(prefix, "form")):
        entries: list[str] = []
        with st.grid(4, min_column_width=_CELL, gap="small"):
            if universe is not None:
                entries = _symbols(prefix, universe)
            values |= _first_filters(prefix, values)
            if choose_rows:
                values |= _rows(prefix, values)
        with st.container(horizontal=True):
            with (
                st.expander("Liquidity, price, spread, earnings and grade"),
                st.grid(7, min_column_width=150, gap="small"),
            ):
                values |= _limits(prefix, values)
            st.form_submit_button("Apply", type="primary", key=keys.field(prefix, "apply"), shortcut=keyboard.APPLY)
    with tools:
        _presets(prefix, values["delta"])
    read = filters.read_symbols(entries)
    try:
        applied = filters.filters_of(values)
    except InputError as error:
        st.warning(f"{error}. Correct it and press Apply.")
        st.stop()
    with tools:
        preferences.keep_filters(prefix, applied)
    return Choice(read.symbols, read.invalid, applied)


def _presets(prefix: str, applied: tuple[float, float]) -> None:
    low, high = applied
    st.session_state[keys.preset(prefix)] = filters.preset_of((round(low, 2), round(high, 2)))
    st.segmented_control(
        "Preset of |delta|",
        [preset.name for preset in filters.PRESETS],
        format_func=_preset_label,
        key=keys.preset(prefix),
        help=HELP["preset"],
        on_change=_apply_preset,
        args=(prefix,),
    )


def _preset_label(name: str) -> str:
    low, high = next(preset.delta for preset in filters.PRESETS if preset.name == name)
    return f"{name} {low:.2f}–{high:.2f}"


def _apply_preset(prefix: str) -> None:
    name = st.session_state[keys.preset(prefix)]
    chosen = next((preset for preset in filters.PRESETS if preset.name == name), None)
    if chosen is not None:
        st.session_state[keys.field(prefix, "delta")] = chosen.delta


def _symbols(prefix: str, universe: Sequence[str]) -> list[str]:
    return st.multiselect(
        "Symbols",
        universe,
        placeholder=f"All {len(universe)} stocks",
        accept_new_options=True,
        **_bound(prefix, "symbols"),
    )


def _first_filters(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    return {
        "strategy": st.pills(
            "Strategy",
            list(filters.STRATEGY_LABELS),
            default=values["strategy"],
            selection_mode="multi",
            format_func=filters.STRATEGY_LABELS.__getitem__,
            **_bound(prefix, "strategy"),
        ),
        "delta": st.slider("|Delta|", 0.0, 1.0, values["delta"], 0.01, **_bound(prefix, "delta")),
        "target": st.pills(
            "Target days to expiration",
            list(DEFAULT_TARGET_DTES),
            default=values["target"],
            selection_mode="multi",
            **_bound(prefix, "target"),
        ),
        "dte": st.slider("DTE window", 0, filters.LONGEST_DTE, values["dte"], **_bound(prefix, "dte")),
        "basis": st.segmented_control(
            "Price basis",
            list(filters.BASIS_LABELS),
            default=values["basis"],
            required=True,
            format_func=filters.BASIS_LABELS.__getitem__,
            **_bound(prefix, "basis"),
        ),
        "fill": st.slider("Fill, % of the spread", 0, 100, values["fill"], 5, **_bound(prefix, "fill")),
    }


def _rows(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    return {
        "rows": st.segmented_control(
            "Rows",
            [filters.BEST_ROWS, filters.ALL_ROWS],
            default=values["rows"],
            required=True,
            **_bound(prefix, "rows"),
        )
    }


def _bound(prefix: str, name: str) -> dict[str, Any]:
    return {"key": keys.field(prefix, name), "bind": "query-params", "help": HELP[name]}


def _limits(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    def limit(label: str, name: str, step: float) -> Any:
        return st.number_input(
            label,
            min_value=type(step)(0),
            value=values[name],
            step=step,
            placeholder="no limit",
            **_bound(prefix, name),
        )

    volume, interest = limit("Min volume", "volume", 10), limit("or min open interest", "oi", 10)
    return {
        "volume": 0 if volume is None else volume,
        "oi": 0 if interest is None else interest,
        "price": limit("Max stock price, $", "price", 10.0),
        "premium": limit("Min premium, %", "premium", 0.1),
        "spread": limit("Max spread, %", "spread", 1.0),
        "earnings": st.selectbox(
            "Earnings",
            list(filters.EARNINGS_LABELS),
            index=list(filters.EARNINGS_LABELS).index(values["earnings"]),
            format_func=filters.EARNINGS_LABELS.__getitem__,
            **_bound(prefix, "earnings"),
        ),
        "grade": st.selectbox(
            "Min grade",
            [filters.ANY_GRADE, *(grade.value for grade in Grade)],
            index=[filters.ANY_GRADE, *Grade].index(values["grade"]),
            **_bound(prefix, "grade"),
        ),
    }
