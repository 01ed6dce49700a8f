"""Chains written the way users save them: our canonical CSV, Parquet, and Cboe's download."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from scanner.model import ChainSnapshot
from scanner.schema import CHAIN

NEW_YORK = ZoneInfo("America/New_York")
CBOE_SIDE = ("Last Sale", "Net", "Bid", "Ask", "Volume", "IV", "Delta", "Gamma", "Open Interest")
CBOE_HEADER = ("Expiration Date", "Calls", *CBOE_SIDE, "Strike", "Puts", *CBOE_SIDE)

_LOOKS_GROUPED = re.compile(r"-?\d{1,3}\.\d{3}")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]], separator: str = ",") -> str:
    """A CSV file of these cells, with a line end behind every line."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerows([header, *rows])
    return text.getvalue()


def canonical_csv(snapshot: ChainSnapshot) -> str:
    """Every column of ours, with the facts of the file in each row."""
    facts = _file_facts(snapshot)
    rows = [
        [*(_text(value) for value in row), *map(_text, facts.values())]
        for row in snapshot.contracts[CHAIN.names].itertuples(index=False)
    ]
    return csv_text([*CHAIN.names, *facts], rows)


def canonical_parquet(snapshot: ChainSnapshot) -> bytes:
    """The same, typed: nulls, dates and instants as Parquet has them."""
    columns: dict[str, Any] = {name: pa.array(snapshot.contracts[name], from_pandas=True) for name in CHAIN.names}
    columns["expiration"] = columns["expiration"].cast(pa.date32())
    for name, value in _file_facts(snapshot).items():
        columns[name] = pa.array([value] * len(snapshot.contracts))
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def cboe_csv(snapshot: ChainSnapshot, *, title: str = "Some Company") -> str:
    """Cboe's format of 2021 and later. What it cannot say is lost: times of quotes, unknown beside zero."""
    quote = snapshot.underlying
    lines = [
        "",
        f"{title},Last: {_plain(quote.last)},Change:  0.5",
        f'"Date: {cboe_time(snapshot.fetched_at)}",Bid: {_plain(quote.bid)},Ask: {_plain(quote.ask)},Size: 1*1,'
        f'"Volume: {quote.volume or 0:,.0f}"',
    ]
    sides = snapshot.contracts.set_index("option_type")
    merged = sides.loc["call"].merge(sides.loc["put"], on=["root", "expiration", "strike"], suffixes=("_call", "_put"))
    rows = [
        [f"{row['expiration']:%a %b %d %Y}", *_side(row, "call"), f"{row['strike']:.2f}", *_side(row, "put")]
        for row in merged.to_dict("records")
    ]
    return "\n".join(lines) + "\n" + csv_text(CBOE_HEADER, rows)


def cboe_time(instant: datetime) -> str:
    """A time as an American browser writes it for Cboe: September 1, 2025 at 6:50 PM EDT."""
    local = instant.astimezone(NEW_YORK)
    hour = local.strftime("%I").lstrip("0")
    return f"{local:%B} {local.day}, {local.year} at {hour}:{local:%M %p %Z}"


def _side(row: Mapping[Any, Any], side: str) -> list[str]:
    names = ("last", "bid", "ask", "volume", "vendor_iv", "open_interest")
    last, bid, ask, volume, iv, interest = (_plain(row[f"{name}_{side}"]) for name in names)
    return [row[f"occ_symbol_{side}"], last, "0", bid, ask, volume, iv, "0.5", "0.01", interest]


def _plain(number: float | None) -> str:
    return "0" if number is None or pd.isna(number) else f"{number:g}" if number == int(number) else f"{number:.4f}"


def _file_facts(snapshot: ChainSnapshot) -> dict[str, Any]:
    quote = snapshot.underlying
    return {
        "symbol": snapshot.symbol,
        "underlying_bid": quote.bid,
        "underlying_ask": quote.ask,
        "underlying_last": quote.last,
        "underlying_quote_time": quote.quote_time,
        "underlying_last_time": quote.last_time,
        "underlying_volume": quote.volume,
        "answer_time": snapshot.answer_time,
        "fetched_at": snapshot.fetched_at,
    }


def _text(value: object) -> str:
    """Unknown is empty; a number keeps every digit, and one more where it could be taken for a thousand."""
    if value is None or value is pd.NaT or value != value:
        return ""
    if isinstance(value, float):
        text = repr(value)
        return f"{text}0" if _LOOKS_GROUPED.fullmatch(text) else text
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat() if value.tzinfo is None else value.isoformat()
    return value.isoformat() if isinstance(value, datetime) else str(value)
