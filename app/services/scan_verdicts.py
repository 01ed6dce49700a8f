"""Why a contract is not among the rows of a run: the chain of that time, judged by the filters of that time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from app.services.priced_chains import PricingInputs, coming_dividends
from db import snapshots, stocks
from db.engine import Database
from db.saved_scans import RunHead
from scanner.calendar import market_date
from scanner.earnings import next_earnings
from scanner.model import PremiumFilters, ReferenceData
from scanner.premium_facts import as_of_columns, premium_facts
from scanner.premiums import REASONS, rank, rejections
from scanner.saved_scans import from_json
from scanner.scan_comparison import Place, Verdict


class ScanVerdicts:
    """Prices stored chains anew. Earnings and dividends are those known now: what was known then is not kept."""

    def __init__(self, database: Database, inputs: PricingInputs) -> None:
        self._database = database
        self._inputs = inputs

    def of(self, contracts: Sequence[tuple[str, str]], run: RunHead) -> dict[tuple[str, str], Verdict]:
        """(symbol, OCC symbol) -> why the run does not have it. Raises CalendarError, UnknownIndexRootError."""
        by_symbol: defaultdict[str, list[str]] = defaultdict(list)
        for symbol, occ_symbol in contracts:
            by_symbol[symbol].append(occ_symbol)
        with self._database.connection() as connection:
            known = stocks.references(connection, list(by_symbol))
        found: dict[tuple[str, str], Verdict] = {}
        for symbol, names in by_symbol.items():
            verdicts = self._of_symbol(symbol, names, run, known.get(symbol))
            found |= {(symbol, name): verdict for name, verdict in verdicts.items()}
        return found

    def _of_symbol(
        self, symbol: str, names: Sequence[str], run: RunHead, reference: ReferenceData | None
    ) -> Mapping[str, Verdict]:
        if run.symbols is not None and symbol not in run.symbols:
            return dict.fromkeys(names, Place.NOT_IN_UNIVERSE)
        with self._database.connection() as connection:
            chain = snapshots.latest(connection, symbol, as_of=run.as_of)
        if chain is None:
            return dict.fromkeys(names, Place.NO_CHAIN)
        filters = from_json(run.definition).filters
        rows = as_of_columns(
            premium_facts(
                chain,
                calendar=self._inputs.calendar,
                rates=self._inputs.rates,
                dividends=coming_dividends(reference) if reference else (),
                basis=filters.basis,
            ),
            as_of=run.as_of,
            basis=filters.basis,
            calendar=self._inputs.calendar,
        )
        earnings = next_earnings([reference] if reference else [], today=market_date(run.as_of))
        return _judged(rows, rejections(rows, filters, as_of=run.as_of, earnings=earnings), names, filters)


def _judged(rows: pd.DataFrame, codes: np.ndarray, names: Sequence[str], filters: PremiumFilters) -> dict[str, Verdict]:
    passed = rows.iloc[np.flatnonzero(codes < 0)]
    shown = set(rank(passed, best_per_expiration=filters.best_per_expiration)["occ_symbol"])
    reasons = dict(zip(rows["occ_symbol"].tolist(), codes.tolist(), strict=True))

    def verdict(name: str) -> Verdict:
        if name not in reasons:
            return Place.NOT_IN_CHAIN
        if reasons[name] >= 0:
            return REASONS[reasons[name]]
        return Place.BEYOND_THE_ROWS if name in shown else Place.NOT_THE_BEST

    return {name: verdict(name) for name in names}
