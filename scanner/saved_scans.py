"""Saved scans: what one asks, as small JSON and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

from scanner.errors import InputError, SymbolError
from scanner.model import BasisKind, EarningsFilter, Grade, PremiumFilters, PriceBasis, Strategy
from scanner.symbols import normalise

VERSION: Final = 1
MOST_NAME: Final = 100


class UniverseKind(StrEnum):
    ALL = "all"
    LIST = "list"
    SYMBOLS = "symbols"


@dataclass(frozen=True, slots=True)
class ScanUniverse:
    """All stocks, a watchlist by its name, or fixed symbols."""

    kind: UniverseKind = UniverseKind.ALL
    watchlist: str | None = None
    symbols: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.kind is UniverseKind.LIST) != bool(self.watchlist):
            raise InputError("a universe of the kind list names a watchlist, and no other does")
        if (self.kind is UniverseKind.SYMBOLS) != bool(self.symbols):
            raise InputError("a universe of the kind symbols has symbols, and no other has")

    def __str__(self) -> str:
        match self.kind:
            case UniverseKind.ALL:
                return "all stocks"
            case UniverseKind.LIST:
                return f"list {self.watchlist}"
            case UniverseKind.SYMBOLS:
                return f"{len(self.symbols):,} symbols"


@dataclass(frozen=True, slots=True)
class ScanDefinition:
    """What a saved scan asks. `sort` and `columns` are labels of the seller's table, empty for its own."""

    name: str
    filters: PremiumFilters
    universe: ScanUniverse
    sort: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.name.strip()) <= MOST_NAME:
            raise InputError(f"a scan needs a name of 1 to {MOST_NAME} characters")


def to_json(definition: ScanDefinition) -> str:
    """The definition as text that `from_json` reads."""
    body = {
        "version": VERSION,
        "name": definition.name,
        "filters": _filters_body(definition.filters),
        "universe": {
            "kind": definition.universe.kind,
            "watchlist": definition.universe.watchlist,
            "symbols": definition.universe.symbols,
        },
        "sort": definition.sort,
        "columns": definition.columns,
    }
    return json.dumps(body, indent=1)


def from_json(text: str) -> ScanDefinition:
    """Read a definition. Raises InputError naming what is wrong; an unknown field is refused, a missing one has its
    default."""
    known = _object(_parsed(text), "the scan", ("version", "name", "filters", "universe", "sort", "columns"))
    if known.get("version") != VERSION:
        raise InputError(f"this scan has version {known.get('version')!r}, this program reads {VERSION}")
    return ScanDefinition(
        name=_text(known.get("name"), "name"),
        filters=_filters(known.get("filters", {})),
        universe=_universe(known.get("universe", {})),
        sort=_texts(known.get("sort", []), "sort"),
        columns=_texts(known.get("columns", []), "columns"),
    )


def filters_to_json(filters: PremiumFilters) -> str:
    """Filters alone as text that `filters_from_json` reads."""
    return json.dumps(_filters_body(filters))


def filters_from_json(text: str) -> PremiumFilters:
    """Raises InputError naming what is wrong."""
    return _filters(_parsed(text))


def _filters_body(filters: PremiumFilters) -> dict[str, Any]:
    return {
        **{field.name: getattr(filters, field.name) for field in fields(filters)},
        "basis": {"kind": filters.basis.kind, "fill": filters.basis.fill},
    }


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("this is no JSON. Export a saved scan to see what one looks like") from error


def _filters(value: object) -> PremiumFilters:
    given = _object(value, "filters", [field.name for field in fields(PremiumFilters)])
    try:
        return PremiumFilters(**{name: _READ[name](one, name) for name, one in given.items()})
    except (TypeError, OverflowError) as error:
        raise InputError(f"filters cannot be read: {error}") from error


def _universe(value: object) -> ScanUniverse:
    given = _object(value, "universe", ("kind", "watchlist", "symbols"))
    symbols = []
    for text in _texts(given.get("symbols", []), "symbols"):
        try:
            symbols.append(normalise(text))
        except SymbolError as error:
            raise InputError(str(error)) from error
    name = given.get("watchlist")
    kind = _member(UniverseKind)(given.get("kind", UniverseKind.ALL), "kind")
    return ScanUniverse(kind, None if name is None else _text(name, "watchlist"), tuple(dict.fromkeys(symbols)))


def _object(value: object, what: str, names: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{what} is no object of JSON")
    if unknown := sorted(set(value) - set(names)):
        raise InputError(f"{what} has unknown fields: {', '.join(unknown)}")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{name} is no text")
    return value.strip()


def _texts(value: object, name: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InputError(f"{name} is no list")
    return tuple(_text(one, name) for one in value)


def _whole(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"{name} is no whole number")
    return value


def _number(value: object, name: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InputError(f"{name} is no number")
    return float(value)


def _limit(value: object, name: str) -> float | None:
    return None if value is None else _number(value, name)


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{name} is neither true nor false")
    return value


def _member(kind: type[StrEnum]) -> Any:
    def read(value: object, name: str) -> Any:
        if value not in list(kind):
            raise InputError(f"{name} is none of {', '.join(kind)}")
        return kind(str(value))

    return read


def _strategies(value: object, name: str) -> tuple[Strategy, ...]:
    return tuple(_member(Strategy)(one, name) for one in _texts(value, name))


def _targets(value: object, name: str) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise InputError(f"{name} is no list")
    return tuple(_whole(one, name) for one in value)


def _grade(value: object, name: str) -> Grade | None:
    return None if value is None else Grade(_member(Grade)(value, name))


def _basis(value: object, name: str) -> PriceBasis:
    given = _object(value, name, ("kind", "fill"))
    return PriceBasis(_member(BasisKind)(given.get("kind"), "basis kind"), _limit(given.get("fill"), "fill"))


_READ: Final[Mapping[str, Any]] = {
    "strategies": _strategies,
    "target_dtes": _targets,
    "dte_min": _whole,
    "dte_max": _whole,
    "delta_min": _number,
    "delta_max": _number,
    "volume_min": _whole,
    "open_interest_min": _whole,
    "max_stock_price": _limit,
    "min_premium_pct": _limit,
    "max_spread_pct": _limit,
    "min_grade": _grade,
    "earnings": _member(EarningsFilter),
    "basis": _basis,
    "best_per_expiration": _flag,
}
