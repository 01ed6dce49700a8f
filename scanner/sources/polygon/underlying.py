"""The underlying's price, which every snapshot carries where the plan includes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time
from typing import Any, Final

from scanner.model import UnderlyingQuote
from scanner.sources.polygon.quotes import NEW_YORK
from scanner.sources.polygon.values import instant, positive

OTHER_SPOT: Final = "spot_outside_the_session"
"""A key of `ChainSnapshot.notes`: the underlying's price is of no known time, or of one outside regular hours."""

_SESSION_OPENS: Final = time(9, 30)
_SESSION_CLOSES: Final = time(16, 0)
_SATURDAY: Final = 5


def underlying_quote(rows: Iterable[Any], *, is_index: bool, until: datetime) -> tuple[UnderlyingQuote, dict[str, int]]:
    """The newest price among the snapshots, $/share, and whether it was taken out.

    A stock's price is that of its last trade, extended hours included, and counts only at a time of day inside the
    session. An index stands still outside it.
    """
    parts = [row.get("underlying_asset") for row in rows if isinstance(row, Mapping)]
    assets = [part for part in parts if isinstance(part, Mapping)]
    prices = [(_price(asset), instant(asset.get("last_updated"), until=until)) for asset in assets]
    known = [(at, price) for price, at in prices if price is not None and at is not None]
    if not known:
        return UnderlyingQuote(), {OTHER_SPOT: 1} if any(price is not None for price, _ in prices) else {}
    at, price = max(known)
    if not is_index and not _is_session_time(at):
        return UnderlyingQuote(), {OTHER_SPOT: 1}
    return UnderlyingQuote(last=price, last_time=at), {}


def _price(asset: Mapping[str, Any]) -> float | None:
    """Of a share `price`, of an index `value`."""
    return positive(asset.get("price")) or positive(asset.get("value"))


def _is_session_time(at: datetime) -> bool:
    there = at.astimezone(NEW_YORK)
    return there.weekday() < _SATURDAY and _SESSION_OPENS <= there.time() <= _SESSION_CLOSES
