"""Cells of a table, texts or typed values, as numbers, dates, instants and flags. Unknown is NaN or None."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from typing import Final

from scanner.model import OptionType
from scanner.sources.file.dates import DateOrder, read_day, read_instant
from scanner.sources.file.numbers import UNKNOWN, read_number

_FLAGS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_SIDES: Final = {
    **dict.fromkeys(("c", "call", "calls"), OptionType.CALL),
    **dict.fromkeys(("p", "put", "puts"), OptionType.PUT),
}


@dataclass(frozen=True, slots=True)
class CellReader:
    """How the cells of one file are written. Every method raises ValueError for a cell that is not what it reads."""

    mark: str
    orders: Mapping[str, DateOrder]
    zone: tzinfo | None

    def number(self, cell: object) -> float:
        """A finite number; NaN unknown."""
        if cell is None:
            return math.nan
        if isinstance(cell, str):
            return read_number(cell, self.mark)
        if isinstance(cell, bool) or not isinstance(cell, int | float | Decimal):
            raise ValueError(f"{cell!r} is no number")
        try:
            number = float(cell)
        except OverflowError:
            return math.nan
        return number if math.isfinite(number) else math.nan

    def count(self, cell: object) -> float:
        """A whole number; NaN unknown. Below zero it is none, but a sentinel."""
        number = self.number(cell)
        if not math.isnan(number) and number % 1:
            raise ValueError(f"{cell!r} is no whole number")
        return number

    def volatility(self, cell: object, *, percent: bool) -> float:
        """A volatility as a decimal. A % sign in the cell says that it is written in percent."""
        written_in_percent = percent or is_percent(cell)
        number = self.number(cell)
        return number / 100 if written_in_percent else number

    def day(self, cell: object, column: str) -> date:
        if isinstance(cell, datetime):
            if cell.time() != time():
                raise ValueError(f"{cell!r} is an instant where a date is expected")
            return cell.date()
        if isinstance(cell, date):
            return cell
        if not isinstance(cell, str):
            raise ValueError(f"{cell!r} is no date")
        return read_day(cell, self.orders[column])

    def instant(self, cell: object, column: str) -> datetime | None:
        """An instant, UTC; None unknown."""
        if is_unknown(cell):
            return None
        if isinstance(cell, str):
            return read_instant(cell, self.orders[column], self.zone)
        if not isinstance(cell, datetime):
            raise ValueError(f"{cell!r} is no instant")
        if cell.utcoffset() is not None:
            return cell.astimezone(UTC)
        if self.zone is None:
            raise ValueError(f"{cell!r} has no time zone")
        return cell.replace(tzinfo=self.zone).astimezone(UTC)

    def flag(self, cell: object) -> bool | None:
        """True or false; None unknown."""
        if is_unknown(cell) or isinstance(cell, bool):
            return cell if isinstance(cell, bool) else None
        flag = _FLAGS.get(text_of_cell(cell).lower())
        if flag is None:
            raise ValueError(f"{cell!r} is neither true nor false")
        return flag

    def side(self, cell: object) -> OptionType:
        side = _SIDES.get(text_of_cell(cell).lower())
        if side is None:
            raise ValueError(f"{cell!r} is neither call nor put")
        return side


def is_unknown(cell: object) -> bool:
    if isinstance(cell, str):
        return cell.lower() in UNKNOWN
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def is_percent(cell: object) -> bool:
    return isinstance(cell, str) and "%" in cell


def text_of_cell(cell: object) -> str:
    """A cell as text, without blanks around it; unknown is empty."""
    return "" if is_unknown(cell) else str(cell).strip()


def texts(cells: Iterable[object]) -> set[str]:
    """The different texts among cells."""
    return {cell for cell in cells if isinstance(cell, str)}
