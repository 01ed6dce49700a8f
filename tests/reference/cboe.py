"""Cboe's delayed chain files as snapshots: calls and puts of a strike on one line, quotes of the last close."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from scanner.model import ChainSnapshot, Mode, UnderlyingQuote
from scanner.schema import CHAIN
from scanner.symbols import parse_occ

CALL_AT, PUT_AT, STRIKE_AT = 1, 12, 11


@dataclass(frozen=True)
class CboeChain:
    """`vendor` has Cboe's `iv`, `delta` and `gamma` beside each contract of the snapshot."""

    snapshot: ChainSnapshot
    vendor: pd.DataFrame


def read_cboe(path: Path, *, quoted_at: datetime) -> CboeChain:
    """Read a file whose quotes, the underlying's closing price too, are all of `quoted_at`."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = [line for line in csv.reader(file) if line]
    title = ",".join(lines[0]).replace("Last: ", "")
    spot = float(next(part for part in title.split(",")[1:] if part.replace(".", "").isdigit()))
    rows = [_row(line, at) for line in lines[3:] for at in (CALL_AT, PUT_AT)]
    frame = pd.DataFrame(rows)
    frame["expiration"] = frame["expiration"].astype("datetime64[s]")
    frame["quote_time"] = pd.Series([quoted_at.astimezone(UTC)] * len(rows)).astype("datetime64[us, UTC]")
    contracts = frame[CHAIN.names].astype({column.name: column.dtype for column in CHAIN.columns})
    listed: tuple[date, ...] = tuple(sorted({day.date() for day in frame["expiration"]}))
    snapshot = ChainSnapshot(
        symbol=title.split(",")[0],
        source="cboe",
        mode=Mode.RECORDED,
        fetched_at=quoted_at,
        answer_time=None,
        underlying=UnderlyingQuote(last=spot, last_time=quoted_at),
        listed_expirations=listed,
        contracts=contracts,
    )
    return CboeChain(snapshot, frame[["iv", "delta", "gamma"]])


def _row(line: list[str], at: int) -> dict[str, object]:
    contract = parse_occ(line[at])
    last, _, bid, ask, volume, iv, delta, gamma, interest = (float(text or "nan") for text in line[at + 1 : at + 10])
    return {
        "root": contract.root,
        "expiration": contract.expiration,
        "option_type": contract.option_type.value,
        "strike": contract.strike,
        "occ_symbol": contract.occ,
        "multiplier": 100,
        "adjusted": False,
        "bid": bid,
        "ask": ask,
        "last": last or np.nan,
        "volume": volume,
        "open_interest": interest,
        "vendor_iv": iv or np.nan,
        "iv": iv,
        "delta": delta,
        "gamma": gamma,
    }
