from __future__ import annotations

import csv
import io
import math
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from app.services.export import premiums_export, stem
from scanner.model import Mode, PremiumFilters, RejectionReason, ScanResult, SymbolCount
from scanner.schema import SCAN

AS_OF = datetime(2026, 11, 20, 20, 30, tzinfo=UTC)


def frame(rows: int, **values: object) -> pd.DataFrame:
    """A SCAN frame of `rows` rows: a value per kind unless given."""
    defaults = {
        "text": "x",
        "date": np.datetime64("2026-12-18", "s"),
        "instant": pd.Timestamp("2026-11-20T20:29:58.123456Z"),
        "number": 1.5,
        "integer": 100,
        "flag": False,
    }
    data = {
        column.name: pd.Series([values.get(column.name, defaults[column.kind])] * rows, dtype=column.dtype)
        for column in SCAN.columns
    }
    return pd.DataFrame(data)


def result(rows: pd.DataFrame, counts: tuple[SymbolCount, ...] = ()) -> ScanResult:
    return ScanResult(rows=rows, filters=PremiumFilters(), as_of=AS_OF, counts=counts, without_data=("GONE",))


def split(text: str) -> tuple[list[str], list[dict[str, str]]]:
    lines = text.split("\r\n")
    header = [line for line in lines if line.startswith("# ")]
    return header, list(csv.DictReader(io.StringIO("\r\n".join(lines[len(header) :]))))


def test_every_field_of_every_row_with_the_mode() -> None:
    _, rows = split(premiums_export(result(frame(3)), mode=Mode.SIMULATED).csv())
    assert len(rows) == 3
    assert list(rows[0]) == [*SCAN.names, "mode"]
    assert {row["mode"] for row in rows} == {"simulated"}


def test_values_keep_full_precision_and_instants_are_iso() -> None:
    number = 0.1 + 0.2
    _, rows = split(premiums_export(result(frame(1, delta=-number)), mode=Mode.LIVE).csv())
    assert float(rows[0]["delta"]) == -number
    assert rows[0]["quote_time"] == "2026-11-20T20:29:58.123456Z"
    assert rows[0]["expiration"] == "2026-12-18"
    assert rows[0]["adjusted"] == "false"
    assert rows[0]["multiplier"] == "100"


def test_unknown_is_an_empty_field() -> None:
    _, rows = split(
        premiums_export(result(frame(1, iv=math.nan, quote_time=pd.NaT, iv_reason=None)), mode=Mode.LIVE).csv()
    )
    assert [rows[0][name] for name in ("iv", "quote_time", "iv_reason")] == ["", "", ""]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")'])
def test_text_cannot_become_a_formula(text: str) -> None:
    _, rows = split(premiums_export(result(frame(1, source=text)), mode=Mode.LIVE).csv())
    assert rows[0]["source"] == f"'{text}" or rows[0]["source"].startswith("'")


def test_commas_quotes_and_line_breaks_survive() -> None:
    _, rows = split(premiums_export(result(frame(1, grade_reasons='wide; "odd", really')), mode=Mode.LIVE).csv())
    assert rows[0]["grade_reasons"] == 'wide; "odd", really'


def test_header_says_mode_times_filters_sources_and_counts() -> None:
    count = SymbolCount("AAPL", fetched=10, passed=3, rejected={RejectionReason.NO_BID: 7})
    header, _ = split(premiums_export(result(frame(2, source="simulated"), (count,)), mode=Mode.SIMULATED).csv())
    text = "\n".join(header)
    assert "mode: simulated" in text
    assert "SIMULATED DATA" in text
    assert "as of: 2026-11-20T20:30:00Z" in text
    assert "oldest quote: 2026-11-20T20:29:58.123456Z" in text
    assert "delta=0.2-0.4" in text
    assert "basis=bid" in text
    assert "sources: simulated" in text
    assert "contracts fetched: 10; passed: 3; rows: 2" in text
    assert "rejected: no_bid=7" in text
    assert "symbols without data: GONE" in text


def test_live_data_is_not_called_simulated() -> None:
    text = premiums_export(result(frame(1)), mode=Mode.LIVE).csv()
    assert "mode: live" in text
    assert "SIMULATED" not in text


def test_an_empty_result_has_its_header_and_no_row() -> None:
    header, rows = split(premiums_export(result(SCAN.empty()), mode=Mode.LIVE).csv())
    assert rows == []
    assert "# oldest quote: unknown" in header


def test_a_quote_without_time_counts_with_its_answer() -> None:
    rows = frame(1, quote_time=pd.NaT, answer_time=pd.Timestamp("2026-11-20T20:15:00Z"))
    header, _ = split(premiums_export(result(rows), mode=Mode.LIVE).csv())
    assert "# newest quote: 2026-11-20T20:15:00Z" in header


def test_a_hostile_source_name_stays_on_one_header_line() -> None:
    header, rows = split(premiums_export(result(frame(1, source="a\r\nb")), mode=Mode.LIVE).csv())
    assert "# sources: a b" in header
    assert len(rows) == 1


def test_file_names_say_when_the_data_is_not_live() -> None:
    assert stem(Mode.SIMULATED, AS_OF) == "premiums-simulated-20261120T203000Z"
    assert stem(Mode.LIVE, AS_OF) == "premiums-20261120T203000Z"


def test_parquet_keeps_types_unknowns_and_the_header() -> None:
    found = result(frame(2, iv=math.nan, quote_time=pd.NaT, source="=cmd()"))
    table = pq.read_table(io.BytesIO(premiums_export(found, mode=Mode.SIMULATED).parquet()))
    header = table.schema.metadata[b"header"].decode().split("\n")
    assert header[:2] == ["mode: simulated", "SIMULATED DATA: invented for demonstration, not market prices"]
    assert table.column_names == [*SCAN.names, "mode"]
    assert table.column("iv").null_count == 2
    assert table.column("source").to_pylist() == ["=cmd()", "=cmd()"]
    assert str(table.schema.field("fetched_at").type) == "timestamp[us, tz=UTC]"
    assert table.column("bid").to_pylist() == found.rows["bid"].tolist()
