"""All rows of a table as files."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.services.export import Export, stem
from app.ui import keys, loaders


def show(prefix: str, export: Callable[[], Export], *, name: str, contents: str, disabled: bool = False) -> None:
    """A button for CSV and one for Parquet; `export` is called when one is pressed, `contents` says what is in them."""
    file = stem(loaders.mode(), loaders.now(), name=name)
    st.download_button(
        "Download CSV",
        data=lambda: export().csv(),
        file_name=f"{file}.csv",
        mime="text/csv",
        on_click="ignore",
        key=keys.field(prefix, "csv"),
        disabled=disabled,
        help=contents,
    )
    st.download_button(
        "Parquet",
        data=lambda: export().parquet(),
        file_name=f"{file}.parquet",
        mime="application/vnd.apache.parquet",
        on_click="ignore",
        key=keys.field(prefix, "parquet"),
        disabled=disabled,
        help=f"{contents} Numbers and times keep their types; the lines above the rows are in the file's metadata.",
    )
