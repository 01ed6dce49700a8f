"""Which columns of the seller's table are shown; the choice stands in the address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from app.ui import keys
from app.ui.tables import SELLER_COLUMNS

LABELS: Final = {column.label: column.name for column in SELLER_COLUMNS if column.name != "symbol"}


def choose(prefix: str) -> None:
    """A popover; `chosen` says what it holds."""
    with st.popover("Columns"):
        st.multiselect(
            "Columns beside the ticker",
            list(LABELS),
            placeholder="all",
            key=keys.field(prefix, "columns"),
            bind="query-params",
            help="None chosen: all. Files have every field whatever is shown.",
        )


def chosen(prefix: str) -> list[str]:
    """Labels of the chosen columns; none for all."""
    return list(st.session_state.get(keys.field(prefix, "columns")) or [])


def narrowed(names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Those of the columns that are wanted, in their own order, the ticker always."""
    kept = {"symbol", *(LABELS[label] for label in wanted if label in LABELS)}
    return [name for name in names if not wanted or name in kept]
