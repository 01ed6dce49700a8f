"""Keys that work on every page; docs/guide.md lists them."""

from __future__ import annotations

from typing import Final

import streamlit as st

APPLY: Final = "Ctrl+Enter"
"""Applies the filters of a page."""

_SEARCH: Final = """<script>
if (!window.scannerKeys) {
  window.scannerKeys = true;
  document.addEventListener("keydown", (event) => {
    const writes = event.target.closest("input, textarea, [contenteditable=true]");
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || writes) return;
    const inputs = [...document.querySelectorAll('[data-testid="stMain"] input:not([type=hidden])')]
      .filter((one) => one.offsetParent && !one.disabled && ["text", "search", ""].includes(one.type));
    const search = inputs.find((one) => /symbol|search/i.test(one.getAttribute("aria-label") || ""));
    const found = search || inputs[0];
    if (!found) return;
    event.preventDefault();
    found.focus();
  });
}
</script>"""


def listen() -> None:
    """Let `/` go to the field in which symbols are searched, else to the first field of the page."""
    st.html(_SEARCH, unsafe_allow_javascript=True)
