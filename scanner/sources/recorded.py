"""Answers saved from any source and played back: for bug reports, tests and demonstrations with real chains.

One UTF-8 JSON file per symbol and fetch, named `SYMBOL-YYYYMMDDTHHMMSSffffffZ.json` by its fetch time (UTC):

    {
     "format": "options-scanner chain",
     "version": 1,
     "symbol": "AAPL", "source": "yahoo", "mode": "live",
     "fetched_at": "2026-11-20T17:30:00+00:00", "answer_time": null,
     "underlying": {"bid": 244.08, "ask": 244.1, "last": 244.09, "quote_time": null, "last_time": null},
     "listed_expirations": ["2026-11-27", ...],
     "missing_expirations": [], "unreadable": {},
     "columns": ["root", "expiration", ...],
     "contracts": [
      ["AAPL", "2026-11-27", "put", 218.0, ...],
      ...
     ]
    }

`columns` are those of `schema.CHAIN`; a row stands on a line; unknown is null; instants are ISO 8601 with offset.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from scanner.errors import (
    InputError,
    MalformedAnswerError,
    SchemaError,
    SourceUnavailableError,
    SymbolError,
    SymbolNotFoundError,
)
from scanner.model import ChainSnapshot, Mode, SkippedSource, UnderlyingQuote
from scanner.schema import CHAIN, Column, validate
from scanner.sources.base import Capabilities, ChooseExpirations
from scanner.symbols import normalise

NAME: Final = "recorded"
FORMAT: Final = "options-scanner chain"
VERSION: Final = 1

_SUFFIX: Final = ".json"
_TIME_IN_NAME: Final = "%Y%m%dT%H%M%S%fZ"
_FILE_NAME: Final = re.compile(r"([A-Z0-9.]+)-(\d{8}T\d{12}Z)\.json")


def file_name(symbol: str, fetched_at: datetime) -> str:
    """The name of the file of one answer. Raises InputError for a symbol that is not canonical."""
    try:
        canonical = normalise(symbol)
    except SymbolError as error:
        raise InputError(f"{symbol!r} cannot name a file: {error}") from error
    if canonical != symbol:
        raise InputError(f"{symbol!r} is not the canonical spelling {canonical!r}")
    return f"{symbol}-{fetched_at.astimezone(UTC).strftime(_TIME_IN_NAME)}{_SUFFIX}"


def save_snapshot(snapshot: ChainSnapshot, folder: Path) -> Path:
    """Write an answer into `folder`, which is made if needed, and return the file.

    Nothing is lost: playing it back gives the same answer in the mode recorded. Raises InputError for a symbol that
    is not canonical, SchemaError for contracts that are no chain, OSError where the folder cannot be written.
    """
    path = folder / file_name(snapshot.symbol, snapshot.fetched_at)
    text = _text(snapshot)
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
    return path


def read_snapshot(path: Path) -> ChainSnapshot:
    """Read one saved answer, in the mode recorded and with the name of the source it came from.

    Raises MalformedAnswerError for anything that is not a file of this format and version.
    """
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, UnicodeDecodeError) as error:
        raise _malformed(path, "it is no JSON; it may be cut off") from error
    except OSError as error:
        raise SourceUnavailableError(NAME, None, f"{path} cannot be read: {error.strerror}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise _malformed(path, f"it has no format {FORMAT!r}")
    if document.get("version") != VERSION:
        found = document.get("version")
        raise _malformed(path, f"its format has version {found}, this program reads {VERSION}: update the program")
    try:
        return _snapshot(document)
    except (KeyError, TypeError, ValueError, SchemaError, SymbolError) as error:
        raise _malformed(path, f"{type(error).__name__}: {error}") from error


class RecordedSource:
    """Plays back saved answers: of each symbol the latest at or before the clock, or the latest of all without one.

    Files may be added while it runs. Safe to share among threads.
    """

    name = NAME
    mode = Mode.RECORDED
    capabilities = Capabilities(quote_times=True, open_interest=True, vendor_iv=True, delay_seconds=None)

    def __init__(self, folder: Path, clock: Callable[[], datetime] | None = None) -> None:
        self._folder = folder
        self._clock = clock

    def chain(self, symbol: str, choose: ChooseExpirations) -> ChainSnapshot:
        """The saved answer, reduced to the chosen expirations; those it does not hold are `missing_expirations`.

        Raises SymbolNotFoundError where nothing is saved, SourceUnavailableError where the folder cannot be read,
        MalformedAnswerError for a broken file, InputError for a choice that is not listed.
        """
        path = self._latest(symbol)
        saved = read_snapshot(path)
        if file_name(saved.symbol, saved.fetched_at) != path.name:
            raise _malformed(path, f"it holds {saved.symbol} of {saved.fetched_at.isoformat()}: correct its name")
        chosen = set(choose(saved.listed_expirations))
        if not chosen <= set(saved.listed_expirations):
            raise InputError(f"{sorted(chosen - set(saved.listed_expirations))} are not listed for {symbol}")
        return _reduced(saved, chosen)

    def symbols(self) -> tuple[str, ...]:
        """The symbols with a saved answer, in alphabetical order. Raises as `chain`."""
        return tuple(sorted({symbol for symbol, _, _ in self._files()}))

    def newest(self) -> datetime:
        """When the last of all saved answers was fetched. Raises as `chain`, and InputError for an empty folder."""
        files = self._files()
        if not files:
            raise InputError(f"there is no saved answer in {self._folder}")
        return max(fetched_at for _, fetched_at, _ in files)

    def _latest(self, symbol: str) -> Path:
        files = sorted((fetched_at, path) for one, fetched_at, path in self._files() if one == symbol)
        if not files:
            raise SymbolNotFoundError(self.name, symbol, f"no answer is saved in {self._folder}")
        now = files[-1][0] if self._clock is None else self._clock()
        past = [path for fetched_at, path in files if fetched_at <= now]
        if not past:
            raise SymbolNotFoundError(self.name, symbol, f"the first saved answer is of {files[0][0]}, later than now")
        return past[-1]

    def _files(self) -> list[tuple[str, datetime, Path]]:
        try:
            paths = [path for path in self._folder.iterdir() if path.suffix == _SUFFIX and path.name[0] != "."]
        except OSError as error:
            raise SourceUnavailableError(
                self.name,
                None,
                f"the folder {self._folder} cannot be read ({error.strerror}): name one of saved answers",
            ) from error
        return [_named(path) for path in paths]


def _named(path: Path) -> tuple[str, datetime, Path]:
    match = _FILE_NAME.fullmatch(path.name)
    if match is None:
        raise _malformed(path, "its name is not SYMBOL-YYYYMMDDTHHMMSSffffffZ.json: correct it or move the file away")
    symbol, time = match.groups()
    try:
        return symbol, datetime.strptime(time, _TIME_IN_NAME).replace(tzinfo=UTC), path
    except ValueError as error:
        raise _malformed(path, "the time in its name does not exist") from error


def _reduced(saved: ChainSnapshot, chosen: set[date]) -> ChainSnapshot:
    expirations = saved.contracts["expiration"]
    held = {instant.date() for instant in expirations.unique()}
    wanted = expirations.isin(pd.to_datetime(sorted(chosen)).as_unit("s"))
    return replace(
        saved,
        contracts=saved.contracts[wanted].reset_index(drop=True),
        missing_expirations=tuple(sorted(chosen - held)),
    )


def _text(snapshot: ChainSnapshot) -> str:
    contracts = validate(snapshot.contracts, CHAIN)
    head = {
        "format": FORMAT,
        "version": VERSION,
        "symbol": snapshot.symbol,
        "source": snapshot.source,
        "mode": snapshot.mode.value,
        "fetched_at": snapshot.fetched_at,
        "answer_time": snapshot.answer_time,
        "underlying": asdict(snapshot.underlying),
        "listed_expirations": snapshot.listed_expirations,
        "missing_expirations": snapshot.missing_expirations,
        "unreadable": dict(snapshot.unreadable),
        "notes": dict(snapshot.notes),
        "skipped": [[one.source, one.error_class, one.detail] for one in snapshot.skipped],
        "columns": CHAIN.names,
    }
    lines = [f" {json.dumps(key)}: {_json(value)}," for key, value in head.items()]
    columns = [_plain(contracts[column.name], column) for column in CHAIN.columns]
    rows = ",\n".join(f"  {_json(row)}" for row in zip(*columns, strict=True))
    return "\n".join(["{", *lines, ' "contracts": [', rows, " ]", "}", ""])


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_iso)


def _iso(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a saved answer")


def _plain(values: pd.Series, column: Column) -> list[Any]:
    """A column as plain values: None for unknown, text for dates and instants."""
    if column.kind == "date":
        return [instant.date().isoformat() for instant in values]
    if column.kind in ("instant", "number"):
        known = values.notna()
        return [value if there else None for value, there in zip(_python(values), known, strict=True)]
    return list(values.tolist())


def _python(values: pd.Series) -> list[Any]:
    if values.dtype.kind == "M":
        return [instant.isoformat() for instant in values]
    return list(values.tolist())


def _snapshot(document: dict[str, Any]) -> ChainSnapshot:
    Mode(document["mode"])
    return ChainSnapshot(
        symbol=normalise(document["symbol"]),
        source=_text_of(document["source"]),
        mode=Mode.RECORDED,
        fetched_at=_known_instant(document["fetched_at"]),
        answer_time=_instant(document["answer_time"]),
        underlying=_underlying(_object(document["underlying"])),
        listed_expirations=_days(document["listed_expirations"]),
        missing_expirations=_days(document["missing_expirations"]),
        unreadable={reason: _count(count) for reason, count in _object(document["unreadable"]).items()},
        notes={kind: _count(count) for kind, count in _object(document.get("notes", {})).items()},
        skipped=tuple(SkippedSource(*map(_text_of, one)) for one in document.get("skipped", ())),
        contracts=_contracts(document["columns"], document["contracts"]),
    )


def _underlying(facts: dict[str, Any]) -> UnderlyingQuote:
    bid, ask, last = (None if facts[name] is None else _number(facts[name]) for name in ("bid", "ask", "last"))
    quote_time, last_time = (_instant(facts[name]) for name in ("quote_time", "last_time"))
    volume = facts.get("volume")
    return UnderlyingQuote(bid, ask, last, quote_time, last_time, None if volume is None else _number(volume))


def _contracts(names: list[str], rows: list[list[Any]]) -> pd.DataFrame:
    if names != CHAIN.names:
        raise ValueError(f"its columns are {names}")
    if any(len(row) != len(names) for row in rows):
        raise ValueError("a contract has more or fewer values than there are columns")
    values = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(names, ())
    return validate(pd.DataFrame({one.name: _column(values[one.name], one) for one in CHAIN.columns}), CHAIN)


def _column(values: Sequence[Any], column: Column) -> Any:
    if column.kind == "number":
        return np.array([np.nan if value is None else _number(value) for value in values], dtype=np.float64)
    if column.kind == "instant":
        return pd.Series([_instant(value) for value in values], dtype=column.dtype)
    if column.kind == "date":
        return np.array([date.fromisoformat(value) for value in values], dtype=column.dtype)
    kinds: dict[str, type] = {"text": str, "integer": int, "flag": bool}
    return pd.Series(_checked(values, kinds[column.kind]), dtype=column.dtype)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value


def _text_of(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is no object")
    return value


def _checked(values: Sequence[Any], kind: type) -> list[Any]:
    for value in values:
        if type(value) is not kind:
            raise ValueError(f"{value!r} is no {kind.__name__}")
    return list(values)


def _days(texts: list[str]) -> tuple[date, ...]:
    return tuple(date.fromisoformat(text) for text in texts)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else _known_instant(text)


def _known_instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.utcoffset() is None:
        raise ValueError(f"{text} has no time zone")
    return instant.astimezone(UTC)


def _malformed(path: Path, why: str) -> MalformedAnswerError:
    return MalformedAnswerError(NAME, None, f"{path} is not a saved answer: {why}")
