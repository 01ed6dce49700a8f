"""docs/file-source.md says what the code accepts."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from scanner.sources.file.column_map import CBOE_KEYS, KEYS
from scanner.sources.file.columns import COLUMNS, header_key, places_of
from scanner.sources.file.content import ENCODINGS, MAX_BYTES
from scanner.sources.file.raw_table import MAX_ROWS

TEXT = (Path(__file__).resolve().parents[5] / "docs" / "file-source.md").read_text(encoding="utf-8")


def table_rows(heading: str) -> dict[str, list[str]]:
    """First cell without backticks -> the other cells, of the table below a heading."""
    section = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([\w]+)` \|(.*)\|$", section, flags=re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split(" | ")] for name, cells in rows}


def test_every_column_is_documented_in_its_order() -> None:
    assert list(table_rows("Tables")) == list(COLUMNS)


def test_every_alias_is_documented_and_every_documented_one_is_accepted() -> None:
    for name, cells in table_rows("Tables").items():
        documented = cells[-1].partition(";")[0] if len(cells) > 1 else ""
        if name != "vendor_iv":
            aliases = tuple(alias.strip() for alias in documented.split(",") if alias.strip())
            assert aliases == COLUMNS[name].aliases, name


def test_units_are_documented() -> None:
    assert {name: cells[0] for name, cells in table_rows("Tables").items()} == {
        name: meaning.unit for name, meaning in COLUMNS.items()
    }


def test_no_alias_means_two_columns() -> None:
    meanings = {(header_key(text), name) for name, meaning in COLUMNS.items() for text in (name, *meaning.aliases)}
    assert len({key for key, _ in meanings}) == len(meanings)


def test_a_volatility_without_unit_is_documented_as_such() -> None:
    documented = table_rows("Tables")["vendor_iv"][-1].partition("**")[0]
    for header in documented.split(","):
        assert places_of([header.strip()], {}) == {"vendor_iv_unstated": 0}


def test_every_key_of_a_column_map_is_documented_in_its_order() -> None:
    assert list(table_rows("Column map")) == list(KEYS)
    sentence = re.search(r"^Of a file in Cboe's format a map states (.*) only\.$", TEXT, flags=re.MULTILINE)
    assert sentence is not None
    assert set(re.findall(r"`(\w+)`", sentence[1])) == CBOE_KEYS


def test_the_example_can_be_used() -> None:
    block = TEXT.partition("```\n")[2].partition("```")[0]
    assert set(tomllib.loads(block)) <= set(KEYS)


def test_bounds_and_encodings_are_documented() -> None:
    assert f"above {MAX_BYTES // 2**20} MB" in TEXT
    assert f"above {MAX_ROWS:,} rows" in TEXT
    assert all(encoding in TEXT for encoding in ENCODINGS)
