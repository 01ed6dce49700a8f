"""Names under which pages keep state in the session and filters in the address bar."""

from __future__ import annotations

from typing import Final

PREMIUM_SCANNER: Final = "scan"
DATABASE_SCAN: Final = "db"
TOP_PREMIUMS: Final = "top"
TOP_OPPORTUNITIES: Final = "opp"
FLOW: Final = "flow"
SKEW_HISTORY: Final = "skew"
WATCHLISTS: Final = "list"
SETTINGS: Final = "settings"
SAVED_SCANS: Final = "saved"
"""Prefixes: pages that show the same widgets keep separate values."""

UNIVERSE: Final = "universe"
KEPT_UNIVERSE: Final = "kept_universe"
UNIVERSE_WIDGET: Final = "universe_widget"
FRAME_DRAWN: Final = "frame_drawn"
SYNC_REFUSED: Final = "sync_refused"
FOLLOWED_SYNC: Final = "followed_sync"
ADD_REPORT: Final = "add_report"
ADD_TEXT: Final = "add_text"
ADD_UNIVERSE: Final = "add_universe"
LIST_UNIVERSE: Final = "list_universe"
WATCHLIST_REPORT: Final = "watchlist_report"
WATCHLIST_CHANGES: Final = "watchlist_changes"
WATCHLIST_DELETED: Final = "watchlist_deleted"


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
