"""What a user prefers, as a form, and where it shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final
from zoneinfo import available_timezones

import streamlit as st

from app.services.preferences import MOST_FEE, Preferences
from app.ui import filters, formats, keys, loaders
from app.ui.filters import BASIS_LABELS
from app.ui.runtime import services
from scanner.errors import InputError
from scanner.model import BasisKind, PremiumFilters, PriceBasis

_NO_ZONE: Final = "New York only"


def form() -> None:
    """Change them; they hold at once, on every page of this user."""
    known = loaders.preferences()
    zones = [_NO_ZONE, *sorted(available_timezones())]
    with st.form("preferences"):
        with st.grid(2, min_column_width=300):
            basis = st.segmented_control(
                "Price basis that scans begin with",
                list(BASIS_LABELS),
                default=known.basis.kind.value,
                required=True,
                format_func=BASIS_LABELS.__getitem__,
                help="Taken where the address says nothing of the filters. A link with filters keeps its own.",
            )
            fill = st.slider(
                "Fill, % of the spread",
                *(0, 100, round(100 * known.basis.fraction) if known.basis.fill is not None else 25, 5),
                help="Used with the basis Fill: 0 % is the bid, 50 % the mid, 100 % the ask.",
            )
            fee = st.number_input(
                "Fees, $ per contract",
                *(0.0, MOST_FEE, known.fee_per_contract, 0.05),
                help="Of one trade. Shown as the premium after fees in the detail of a contract. Returns stay without.",
            )
            zone = st.selectbox(
                "Time zone beside New York's",
                zones,
                zones.index(known.time_zone) if known.time_zone in zones else 0,
                help="Market time is always shown; this one stands beside it.",
            )
        if st.form_submit_button("Save", type="primary"):
            _save(basis, fill, fee, None if zone == _NO_ZONE else zone)
    if known.filters_problem:
        st.warning(f"The filters you kept are not used: {known.filters_problem}. Keep them anew under **My filters**.")
    st.caption(
        f"Filters that scans begin with: {_begun_with(known)}. Change them under **My filters** on the Premium Scanner "
        "or the Database Scan."
    )
    st.caption(
        "The theme follows the browser: the menu ⋮ at the top right, Settings, has light, dark and system. "
        "It is kept by the browser."
    )


def _begun_with(known: Preferences) -> str:
    return "each page's own" if known.filters is None else filters.in_words(known.filters)


def _save(basis: str, fill: int, fee: float, zone: str | None) -> None:
    kind = BasisKind(basis)
    try:
        chosen = PriceBasis(kind, fill / 100 if kind is BasisKind.FILL else None)
        preferences = replace(loaders.preferences(), basis=chosen, fee_per_contract=fee, time_zone=zone)
    except InputError as error:
        st.error(str(error))
    else:
        _store(preferences)


def premium_after_fees(premium_usd: float) -> str | None:
    """ "$122.70 of the premium stay after $0.65 of fees" of one contract; None without fees."""
    fee = loaders.preferences().fee_per_contract
    if not fee or formats.is_unknown(premium_usd):
        return None
    return f"{formats.money(premium_usd - fee)} of the premium stay after {formats.money(fee)} of fees"


def own_time(instant: datetime) -> str:
    """ "17:02 Berlin", empty where no second zone is chosen."""
    zone = loaders.preferences().zone
    if zone is None:
        return ""
    city = zone.key.rpartition("/")[2].replace("_", " ")
    return f"{instant.astimezone(zone):%H:%M} {city}"


def begin_with_preferred(prefix: str, defaults: PremiumFilters) -> None:
    """Let the filters of a page begin with the preferred ones, unless the address says anything of them.

    They go into the address, so that a link that is passed on shows others the same.
    """
    begun = keys.field(prefix, "basis")
    if begun in st.session_state or any(name.startswith(f"{prefix}_") for name in st.query_params):
        return
    known = loaders.preferences()
    preferred = known.filters or replace(defaults, basis=known.basis)
    values, own = filters.widget_values(preferred), filters.widget_values(defaults)
    address = filters.in_address(prefix, preferred)
    st.session_state[begun] = values["basis"]
    for name in (name for name, value in values.items() if value != own[name]):
        key = keys.field(prefix, name)
        st.session_state[key] = values[name]
        if key in address:
            st.query_params[key] = address[key]


def keep_filters(prefix: str, applied: PremiumFilters) -> None:
    """A menu that makes the applied filters those that scans begin with."""
    known = loaders.preferences()
    nothing_kept = known.filters is None and known.filters_problem is None
    with st.popover("My filters", help="The filters that scans begin with where the address names none."):
        if st.button("Begin with these filters", key=keys.field(prefix, "keep"), disabled=known.filters == applied):
            _store(replace(known, basis=applied.basis, filters=applied, filters_problem=None))
        if st.button("Begin with the program's own", key=keys.field(prefix, "unkeep"), disabled=nothing_kept):
            _store(replace(known, filters=None, filters_problem=None))


def _store(preferences: Preferences) -> None:
    services().preferences.save(preferences)
    loaders.forget()
    st.toast("Saved.")
    st.rerun()
