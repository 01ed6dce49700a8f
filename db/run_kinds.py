"""The kinds of runs: what `scan_runs.kind` may be."""

from __future__ import annotations

from typing import Final

SYNC: Final = "sync"
"""Brings the current rows of contracts up to date."""

FLOW: Final = "flow"
"""Looks for unusual flow and skew at a slot of the schedule."""
