"""Names under which pages keep state in the session and filters in the address bar."""

from __future__ import annotations

from typing import Final

PREMIUM_SCANNER: Final = "scan"
DATABASE_SCAN: Final = "db"
TOP_PREMIUMS: Final = "top"
"""Prefixes: pages that show the same widgets keep separate values."""

FRAME_DRAWN: Final = "frame_drawn"
SYNC_REFUSED: Final = "sync_refused"
FOLLOWED_SYNC: Final = "followed_sync"
ADD_REPORT: Final = "add_report"
ADD_TEXT: Final = "add_text"


def selected_contract(prefix: str) -> str:
    """Holds the OCC symbol of the chosen row."""
    return f"{prefix}_selected_contract"


def shown_contracts(prefix: str) -> str:
    """Holds the OCC symbols of the table as drawn, in its order."""
    return f"{prefix}_shown_contracts"


def table(prefix: str) -> str:
    return f"{prefix}_table"


def preset(prefix: str) -> str:
    return f"{prefix}_preset"


def field(prefix: str, name: str) -> str:
    """A filter: its widget, its session value and its query parameter."""
    return f"{prefix}_{name}"
