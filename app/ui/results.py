"""A scan on the page: what was asked and found, the table, the chosen contract, the account of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from app.services.export import premiums_export
from app.ui import (
    charts,
    columns,
    contract,
    downloads,
    formats,
    keys,
    list_of_rows,
    loaders,
    plots,
    save_scan,
    sorting,
    tables,
    text,
    universe,
)
from scanner.model import PremiumFilters, PriceBasis, ScanResult

ROW_HEIGHT = 30
_MOST_ROWS_IN_VIEW = 16


def show(prefix: str, result: ScanResult, *, symbols: tuple[str, ...] = ()) -> None:
    """Summary with files, rows ranked or in the chosen order, and the detail of the chosen row.

    `symbols` are those chosen one by one, none: the universe.
    """
    result = _summary(prefix, result, symbols)
    if result.rows.empty:
        return
    rows_table(prefix, result.rows, result.filters, columns.chosen(prefix))
    contract_detail(prefix, result.filters.basis)


def summary_line(result: ScanResult) -> str:
    """How many rows of how many contracts, for when and at which price."""
    as_of = f"as of {formats.new_york_time(result.as_of, seconds=True)} New York, price basis {result.filters.basis}"
    if not result.counts:
        cut = "the best " if result.shown >= loaders.DATABASE_ROWS else ""
        return f"**{cut}{result.shown:,} rows**, {as_of}"
    return f"**{result.shown:,} rows** of {result.passed:,} that passed, {result.fetched:,} contracts fetched, {as_of}"


def _summary(prefix: str, result: ScanResult, symbols: tuple[str, ...]) -> ScanResult:
    """The same result in the order that is chosen in it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(summary_line(result), width="content")
        if not result.rows.empty:
            result = replace(result, rows=sorting.in_order(result.rows, sorting.choose(prefix)))
            columns.choose(prefix)
        downloads.show(
            prefix,
            lambda: premiums_export(result, mode=loaders.mode(), universe=str(universe.chosen())),
            name="premiums",
            contents="All rows with all fields, the filters, the mode and the age of the quotes.",
        )
        list_of_rows.show(prefix, result.rows["symbol"].tolist())
        save_scan.show(prefix, result.filters, symbols)
    if result.without_data:
        st.info(f"No stored chain: {', '.join(result.without_data)}. Press Scan now to fetch it.")
    return result


def rows_table(prefix: str, rows: pd.DataFrame, filters: PremiumFilters, wanted: Sequence[str] = ()) -> None:
    """The seller's table with the `wanted` columns, none: all. A click chooses a contract; the choice follows the
    contract when rows move.
    """
    symbols = tuple(sorted(set(rows["symbol"])))
    shown = tables.seller_table(rows, loaders.reference(symbols), date.fromisoformat(loaders.today()))
    selectable_table(
        prefix,
        rows,
        shown[columns.narrowed(tables.shown_columns(filters.strategies), wanted)],
        column_config=tables.column_config(),
        alt="Ranked contracts, best monthly return first",
    )


def selectable_table(
    prefix: str, rows: pd.DataFrame, shown: pd.DataFrame, *, column_config: dict[str, Any], alt: str
) -> None:
    """`shown` as a table in which a click chooses the contract of `rows` at that place.

    The choice is kept under `keys.selected_contract`, and follows the contract when rows move.
    """
    _keep_selection(prefix, rows)
    st.dataframe(
        shown,
        key=keys.table(prefix),
        hide_index=True,
        column_config=column_config,
        placeholder=formats.UNKNOWN,
        row_height=ROW_HEIGHT,
        height=table_height(len(rows)),
        on_select=lambda: _remember_selection(prefix),
        selection_mode=["single-row", "single-cell"],
        alt=alt,
    )


def table_height(rows: int, most: int = _MOST_ROWS_IN_VIEW) -> int:
    """Pixels of a table that shows at most so many rows at once."""
    return ROW_HEIGHT * (min(rows, most) + 1) + 12


def _keep_selection(prefix: str, rows: pd.DataFrame) -> None:
    shown = tuple(zip(rows["symbol"], rows["occ_symbol"], strict=True))
    if shown == st.session_state.get(keys.shown_contracts(prefix)):
        return
    st.session_state[keys.shown_contracts(prefix)] = shown
    chosen = st.session_state.get(keys.selected_contract(prefix))
    st.session_state[keys.table(prefix)] = _selection(shown.index(chosen) if chosen in shown else None)


def _remember_selection(prefix: str) -> None:
    """A click on a cell or on the mark of a row chooses that row; a second click on the mark unchooses it."""
    selection = st.session_state[keys.table(prefix)]["selection"]
    cells, rows = selection["cells"], selection["rows"]
    position = cells[0][0] if cells else rows[0] if rows else None
    shown = st.session_state[keys.shown_contracts(prefix)]
    st.session_state[keys.selected_contract(prefix)] = None if position is None else shown[position]
    st.session_state[keys.table(prefix)] = _selection(position)


def _selection(position: int | None) -> dict[str, Any]:
    return {"selection": {"rows": [] if position is None else [position], "columns": [], "cells": []}}


def contract_detail(prefix: str, basis: PriceBasis) -> None:
    """The chosen contract, if one is chosen; it stays when the row leaves the list."""
    chosen = st.session_state.get(keys.selected_contract(prefix))
    if chosen is not None:
        symbol, occ_symbol = chosen
        contract.show(prefix, symbol, occ_symbol, basis)


def funnel(result: ScanResult) -> None:
    """Where every fetched contract went: the counts add up."""
    steps = charts.funnel_steps(result)
    rejected = result.fetched - result.passed
    st.subheader("Where the other contracts went")
    st.markdown(
        f"{result.fetched:,} fetched = {result.passed:,} passed + {rejected:,} rejected, each under one reason."
    )
    with st.grid(2, min_column_width=400):
        plots.show(charts.funnel(steps), alt="Contracts by reason of rejection")
        st.dataframe(
            steps[["step", "contracts", "remedy"]],
            hide_index=True,
            height="content",
            row_height=ROW_HEIGHT,
            column_config={
                "step": st.column_config.TextColumn("Step", width=170),
                "contracts": st.column_config.NumberColumn("Contracts", format="%,d", width=80),
                "remedy": st.column_config.TextColumn("To see them", width=260),
            },
            alt="Contracts by reason of rejection, with what to change",
        )


def nothing_passed(result: ScanResult) -> None:
    """Say why a scan is empty and which filter to change first."""
    if result.fetched == 0:
        st.info(text.NO_CHAINS if result.counts or result.without_data else text.EMPTY_DATABASE, title="No data")
        return
    reason, number = max(result.rejected.items(), key=lambda item: item[1])
    st.info(
        f"Most were rejected as {text.REASONS[reason]} ({number:,} of {result.fetched:,}). "
        f"{text.REMEDIES.get(reason, '')}",
        title=text.NO_ROWS,
    )
