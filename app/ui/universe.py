"""The universe of every page: all stocks, or the symbols of one watchlist. It stands in the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd
import streamlit as st

from app.services.watchlists import ALL_STOCKS
from app.ui import keys, loaders

__all__ = ["ALL_STOCKS", "Universe", "choose", "chosen", "nothing_in_it"]

_KEY: Final = keys.UNIVERSE


@dataclass(frozen=True, slots=True)
class Universe:
    """`symbols` None: all stocks, also those that come."""

    name: str
    symbols: tuple[str, ...] | None

    @property
    def every(self) -> tuple[str, ...]:
        """The symbols as they are now."""
        return loaders.universe() if self.symbols is None else self.symbols

    def of_names(self, symbols: Sequence[str]) -> tuple[str, ...]:
        """Those of the symbols that are in it."""
        return tuple(one for one in symbols if self.symbols is None or one in self.symbols)

    def of(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows of these symbols."""
        return rows if self.symbols is None else rows[rows["symbol"].isin(self.symbols)]

    def __str__(self) -> str:
        return self.name.lower() if self.symbols is None else f"list {self.name} ({len(self.symbols):,} symbols)"


def choose() -> None:
    """The control, in the frame of every page; `chosen` says what it holds.

    It is not bound to the address by Streamlit: the address of another page begins empty, and the choice stays.
    """
    names = [ALL_STOCKS, *loaders.watchlist_names()]
    asked, kept = st.query_params.get(_KEY), st.session_state.get(keys.KEPT_UNIVERSE, ALL_STOCKS)
    if asked is not None and asked not in names:
        st.toast("The watchlist in the address is not there any more: all stocks are shown.")
        asked = ALL_STOCKS
    name = asked or (kept if kept in names else ALL_STOCKS)
    _keep(name)
    st.session_state[keys.UNIVERSE_WIDGET] = name
    st.selectbox(
        "Universe",
        names,
        key=keys.UNIVERSE_WIDGET,
        on_change=lambda: _keep(st.session_state[keys.UNIVERSE_WIDGET]),
        label_visibility="collapsed",
        width=180,
        help="What every page looks at: all stocks, or one of your watchlists.",
    )


def _keep(name: str) -> None:
    """In the session, and in the address where it is not all stocks."""
    st.session_state[keys.KEPT_UNIVERSE] = name
    if name != ALL_STOCKS:
        st.query_params[_KEY] = name
    elif _KEY in st.query_params:
        del st.query_params[_KEY]


def chosen() -> Universe:
    """The universe of the moment; all stocks where the list has gone."""
    name = st.session_state.get(keys.KEPT_UNIVERSE, ALL_STOCKS)
    listed = loaders.watchlist_names()
    return Universe(name, loaders.watchlist(listed[name])) if name in listed else Universe(ALL_STOCKS, None)


def nothing_in_it() -> None:
    st.info(
        f"No stock of {chosen()} has been scanned for flow. Choose another universe above, or name its symbols in "
        "Settings, Program, Symbols of the flow scan.",
        title="Nothing to show",
    )
