"""What the page Skew History reads, cached by the version of the stored data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Final

import pandas as pd
import streamlit as st

from app.services.export import Export, mode_lines, written
from app.services.flow import Mood
from app.services.smiles import Smile
from app.services.volatility_history import VolatilityOverTime
from app.ui import loaders
from app.ui.runtime import services
from scanner.calendar import scan_slots
from scanner.schema import SKEW_HISTORY

SESSIONS: Final = 30
_FRESH_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Time:
    """The sessions that are shown, ascending, and the slots of the latest one that are over."""

    sessions: tuple[date, ...]
    slots: tuple[datetime, ...]

    @property
    def since(self) -> datetime:
        return services().calendar.session_open(self.sessions[0])


def time(latest: datetime) -> Time:
    """The 30 sessions that end with the one of the latest scan."""
    calendar = services().calendar
    days = [calendar.latest_session(latest)]
    for _ in range(SESSIONS - 1):
        days.append(calendar.previous_session(days[-1]))
    return Time(tuple(reversed(days)), tuple(slot for slot in scan_slots(days[0], calendar) if slot <= latest))


def history(symbol: str, since: datetime) -> pd.DataFrame:
    """A `schema.SKEW_HISTORY` frame."""
    return _history(symbol, since, loaders.data_version())


def moods(since: datetime) -> tuple[Mood, ...]:
    return _moods(since, loaders.data_version())


def volatility(symbol: str) -> VolatilityOverTime:
    return _volatility(symbol, loaders.data_version())


def smile(symbol: str, root: str, expiration: date, as_of: datetime) -> Smile | None:
    return _smile(symbol, root, expiration, as_of, loaders.data_version())


def export_of(rows: pd.DataFrame, title: str) -> Export:
    """`schema.SKEW_HISTORY` rows with what they are."""
    header = [
        *mode_lines(loaders.mode()),
        f"as of: {written(loaders.now())}",
        f"skew history: {title}",
        f"sources: {', '.join(sorted(set(rows['source']))) or 'none'}",
        "timestamp: slot of the flow scan; volatilities as decimals, skews in vol points, unknown is empty",
        f"rows: {len(rows)}",
    ]
    return Export(tuple(header), rows[SKEW_HISTORY.names].assign(mode=loaders.mode().value))


def volatility_export(symbol: str, found: VolatilityOverTime) -> Export:
    header = [
        *mode_lines(loaders.mode()),
        f"as of: {written(loaders.now())}",
        f"volatility of: {symbol}",
        "volatilities are decimals a year: 30 days ahead, and of the closes of 20 and 60 sessions; unknown is empty",
        f"rows: {len(found.sessions)}",
    ]
    if found.closes:
        header.append(f"closes: {found.closes.source}, fetched at {written(found.closes.fetched_at)}")
    frame = pd.DataFrame([asdict(row) for row in found.sessions])
    return Export(tuple(header), frame.assign(symbol=symbol, mode=loaders.mode().value))


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=32, show_spinner="Reading the history")
def _history(symbol: str, since: datetime, version: int) -> pd.DataFrame:  # noqa: ARG001
    return services().flow.skew_history(symbol, since=since)


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=2, show_spinner=False)
def _moods(since: datetime, version: int) -> tuple[Mood, ...]:  # noqa: ARG001
    return services().flow.sentiment_history(since=since)


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=32, show_spinner=False)
def _volatility(symbol: str, version: int) -> VolatilityOverTime:  # noqa: ARG001
    return services().volatility_history.over_time(symbol)


@st.cache_data(ttl=_FRESH_SECONDS, max_entries=32, show_spinner="Fitting the smile")
def _smile(symbol: str, root: str, expiration: date, as_of: datetime, version: int) -> Smile | None:  # noqa: ARG001
    return services().smiles.at(symbol, root, expiration, as_of=as_of)


def close_before(session: date) -> datetime:
    """Just after the last scan of a session could have fetched its chains."""
    return services().calendar.session_close(session) + timedelta(hours=1)
