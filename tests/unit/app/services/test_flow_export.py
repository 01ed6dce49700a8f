from __future__ import annotations

import csv
from datetime import UTC, datetime

from app.services.flow_export import opportunities_export
from scanner.model import Mode
from scanner.schema import TOP_OPPORTUNITY
from tests.unit.app.ui.flow_frames import opportunities

AS_OF = datetime(2026, 11, 20, 20, 30, tzinfo=UTC)


def written(*changes: dict[str, object], mode: Mode = Mode.SIMULATED) -> tuple[list[str], list[dict[str, str]]]:
    export = opportunities_export(
        opportunities(*changes), mode=mode, as_of=AS_OF, coverage="43 of 44, TSLA: rate limited", filters="none"
    )
    lines = export.csv().splitlines()
    header = [line for line in lines if line.startswith("#")]
    return header, list(csv.DictReader(lines[len(header) :]))


def test_the_file_says_where_its_numbers_come_from() -> None:
    header, (row,) = written({"skew_25d": None})
    assert "# mode: simulated" in header
    assert "# SIMULATED DATA: invented for demonstration, not market prices" in header
    assert "# newest scan: 2026-11-20T19:45:00Z" in header
    assert "# coverage of the latest scan: 43 of 44, TSLA: rate limited" in header
    assert list(row) == TOP_OPPORTUNITY.names
    assert (row["timestamp"], row["source"], row["mode"]) == ("2026-11-20T19:45:00Z", "simulated", "simulated")
    assert (row["composite_score"], row["whale_exact"], row["skew_25d"]) == ("75", "148.4", "")


def test_no_rows_are_no_error_and_live_is_not_called_simulated() -> None:
    header, rows = written(mode=Mode.LIVE)
    assert rows == []
    assert "# oldest scan: none" in header
    assert not any("SIMULATED" in line for line in header)


def test_text_that_a_spreadsheet_would_run_is_defused() -> None:
    _, (row,) = written({"source": "=cmd()"})
    assert row["source"] == "'=cmd()"
