"""What a user prefers: the price taken first, the filters scans begin with, the broker's fee, a second time zone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from db import data_version, stored_settings
from db.engine import Database
from scanner.errors import InputError
from scanner.model import BasisKind, PremiumFilters, PriceBasis
from scanner.saved_scans import filters_from_json, filters_to_json

MOST_FEE: Final = 100.0

_BASIS, _FEE, _ZONE, _FILTERS = "price_basis", "fee_per_contract", "time_zone", "filters"


@dataclass(frozen=True, slots=True)
class Preferences:
    """`fee_per_contract` in $, for one trade of one contract. `time_zone`: shown beside New York's, None: no other.

    `filters`: what scans begin with, with `basis` as theirs; None: each page's own. `filters_problem`: why stored ones
    are not used.
    Raises InputError for a fee that is none and a zone that is unknown.
    """

    basis: PriceBasis = field(default_factory=PriceBasis)
    fee_per_contract: float = 0.0
    time_zone: str | None = None
    filters: PremiumFilters | None = None
    filters_problem: str | None = None

    def __post_init__(self) -> None:
        if self.filters is not None:
            object.__setattr__(self, "filters", replace(self.filters, basis=self.basis))
        if not (math.isfinite(self.fee_per_contract) and 0 <= self.fee_per_contract <= MOST_FEE):
            raise InputError(f"the fee is $0 to ${MOST_FEE:g} per contract, not {self.fee_per_contract}")
        if self.time_zone is not None and self.time_zone not in available_timezones():
            raise InputError(f"{self.time_zone} is no time zone. Write it as Europe/Berlin")

    @property
    def zone(self) -> ZoneInfo | None:
        return None if self.time_zone is None else ZoneInfo(self.time_zone)


class PreferenceService:
    """The preferences of one user at a time; None is the person at this machine."""

    def __init__(self, *, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def read(self, owner_id: int | None = None) -> Preferences:
        """What is stored, else the defaults."""
        with self._database.connection() as connection:
            stored = stored_settings.preferences(connection, owner_id)
        filters, problem = _filters(stored.get(_FILTERS))
        return Preferences(
            basis=_basis(stored.get(_BASIS, "bid")),
            fee_per_contract=float(stored.get(_FEE, 0.0)),
            time_zone=stored.get(_ZONE) or None,
            filters=filters,
            filters_problem=problem,
        )

    def save(self, preferences: Preferences, owner_id: int | None = None) -> None:
        """Stored filters that could not be read stay as they are until others are kept."""
        values = {
            _BASIS: str(preferences.basis),
            _FEE: repr(preferences.fee_per_contract),
            _ZONE: preferences.time_zone or "",
        }
        if preferences.filters_problem is None:
            values[_FILTERS] = filters_to_json(preferences.filters) if preferences.filters else ""
        with self._database.connection() as connection:
            stored_settings.change_preferences(connection, values, owner_id=owner_id, now=self._clock())
            data_version.advance(connection)


def _basis(text: str) -> PriceBasis:
    kind, _, fill = text.partition(" ")
    return PriceBasis(BasisKind(kind), float(fill) if fill else None)


def _filters(text: str | None) -> tuple[PremiumFilters | None, str | None]:
    """The stored filters, or why they cannot be read: another version of the program wrote them."""
    if not text:
        return None, None
    try:
        return filters_from_json(text), None
    except InputError as error:
        return None, str(error)
