"""Names of the jobs in the queue: services put them there, workers do them."""

from __future__ import annotations

from typing import Final

SYMBOL_TASK: Final = "sync_symbol"
REFERENCE_TASK: Final = "refresh_reference"
AFTER_RUN_TASK: Final = "after_run"
NIGHTLY_TASK: Final = "nightly"
RESUME_TASK: Final = "resume"
SAVED_SCANS_TASK: Final = "run_saved_scans"
ALERTS_TASK: Final = "look_for_alerts"
FLOW_TASK: Final = "begin_flow_scan"
FLOW_SYMBOL_TASK: Final = "scan_symbol_flow"
PAST_FLOW_TASK: Final = "scan_past_flow"
