"""Recorded Yahoo answers moved to today, so that the whole program can work on them by its own clock.

Prices, sizes, missing keys and placeholders stay as recorded. Only dates move: expirations by whole weeks, so that
weekdays stay, and the market's time to the close of the last session.
"""

from __future__ import annotations

import copy
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from scanner.calendar import MarketCalendar, market_date

NEAREST_DAYS: Final = 4
"""The first expiration comes to lie this many days ahead, up to six more."""

_OCC: Final = re.compile(r"(?P<root>.+?)(?P<day>\d{6})(?P<rest>[CP]\d{8})")


def moved_to(body: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A copy of an options answer, of a symbol that has options, as Yahoo might send it at `now`."""
    moved = copy.deepcopy(body)
    result = moved["optionChain"]["result"][0]
    shift = _whole_weeks(market_date(now) + timedelta(days=NEAREST_DAYS) - listed(body)[0])
    seconds = int(shift.total_seconds())
    result["expirationDates"] = [epoch + seconds for epoch in result["expirationDates"]]
    calendar = MarketCalendar.around(now)
    close = calendar.session_close(calendar.previous_session(market_date(now)))
    result["quote"]["regularMarketTime"] = int(close.timestamp())
    for block in result["options"]:
        block["expirationDate"] += seconds
        for row in (*block["calls"], *block["puts"]):
            row["expiration"] += seconds
            row["contractSymbol"] = moved_code(row["contractSymbol"], shift)
    return moved


def moved_code(code: str, shift: timedelta) -> str:
    """The OCC symbol of the same contract expiring `shift` later."""
    parts = _OCC.fullmatch(code)
    if parts is None:
        raise ValueError(f"{code!r} is no OCC symbol")
    day = datetime.strptime(parts["day"], "%y%m%d").replace(tzinfo=UTC).date() + shift
    return f"{parts['root']}{day:%y%m%d}{parts['rest']}"


def _whole_weeks(least: timedelta) -> timedelta:
    """The shortest time in whole weeks that is at least `least`."""
    return timedelta(weeks=-(-least.days // 7))


def codes(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows of an options answer by their OCC symbol."""
    blocks = body["optionChain"]["result"][0]["options"]
    return {row["contractSymbol"]: row for block in blocks for side in ("calls", "puts") for row in block[side]}


def listed(body: dict[str, Any]) -> list[date]:
    """The expirations an options answer lists; empty where the symbol is unknown or has no options."""
    results = body["optionChain"]["result"]
    epochs = results[0]["expirationDates"] if results else []
    return sorted(datetime.fromtimestamp(epoch, UTC).date() for epoch in epochs)
