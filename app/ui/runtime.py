"""The services of a dashboard process."""

from __future__ import annotations

import streamlit as st

from app.bootstrap import Services, build
from app.settings import load_settings


@st.cache_resource(show_spinner="Connecting to the database")
def services() -> Services:
    """The services of this process, built once. Raises `ScannerError` with what to do when that is impossible."""
    return build(load_settings())
