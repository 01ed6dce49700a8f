"""The smile of one expiration at an instant, from the chain that a flow scan kept: its points and the fitted curve."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd

from app.services.flow_chain import curve_of
from app.services.priced_chains import coming_dividends
from db import flow_reading, stocks
from db.engine import Database
from scanner.calendar import MarketCalendar
from scanner.model import ChainSnapshot, Dividend
from scanner.pricing.chain import price_chain
from scanner.pricing.chain_smiles import ChainSmiles, chain_smiles
from scanner.pricing.rates import RateCurve
from scanner.pricing.smile_fit import SMILE_REASONS, curve_volatility

_CURVE_POINTS = 81


@dataclass(frozen=True, slots=True)
class Smile:
    """Out-of-the-money volatilities of one (root, expiration): `points` (strike, option_type, iv, of_forward), `curve`
    (of_forward, iv); `of_forward` is strike over forward, iv decimal. `reason`: why there is no curve, None with one.
    """

    root: str
    expiration: date
    fetched_at: datetime
    source: str
    forward: float
    points: pd.DataFrame
    curve: pd.DataFrame
    reason: str | None


class SmileService:
    """Reads stored chains of flow scans and fits their smiles."""

    def __init__(self, *, database: Database, calendar: MarketCalendar) -> None:
        self._database = database
        self._calendar = calendar

    def at(self, symbol: str, root: str, expiration: date, *, as_of: datetime) -> Smile | None:
        """The smile in the newest chain kept at or before `as_of`; None without one, or without this expiration.

        Priced with the rates of its scan, and with the dividends that are known now.
        """
        with self._database.connection() as connection:
            kept = flow_reading.kept_chain(connection, symbol, as_of=as_of)
            reference = stocks.references(connection, (symbol,)).get(symbol)
        if kept is None:
            return None
        return self._smile(
            kept.snapshot, curve_of(kept.rates), coming_dividends(reference) if reference else (), root, expiration
        )

    def _smile(
        self, snapshot: ChainSnapshot, rates: RateCurve, dividends: tuple[Dividend, ...], root: str, expiration: date
    ) -> Smile | None:
        priced = price_chain(snapshot, calendar=self._calendar, rates=rates, dividends=dividends)
        found = chain_smiles(snapshot, priced)
        groups = [
            number
            for number, (name, day) in enumerate(zip(found.roots, found.days, strict=True))
            if (name, day) == (root, expiration)
        ]
        if not groups:
            return None
        rows = (found.group == groups[0]) & ~np.isnan(priced.columns["iv"])
        strike, forward = snapshot.contracts["strike"].to_numpy(), priced.columns["forward"]
        outside = rows & np.where(priced.is_call, strike >= forward, strike <= forward)
        points = pd.DataFrame(
            {
                "strike": strike[outside],
                "option_type": np.where(priced.is_call[outside], "call", "put"),
                "iv": priced.columns["iv"][outside],
                "of_forward": strike[outside] / forward[outside],
            }
        ).sort_values("strike", ignore_index=True)
        if points.empty:
            return None
        code = int(found.smiles.reason[groups[0]])
        return Smile(
            root=root,
            expiration=expiration,
            fetched_at=snapshot.fetched_at,
            source=snapshot.source,
            forward=float(forward[outside][0]),
            points=points,
            curve=_curve(found, groups[0]),
            reason=SMILE_REASONS[code - 1].value if code else None,
        )


def _curve(found: ChainSmiles, group: int) -> pd.DataFrame:
    smiles = found.smiles
    k = np.linspace(smiles.lowest[group], smiles.highest[group], _CURVE_POINTS)
    volatility = curve_volatility(smiles, group=np.full(len(k), group), log_moneyness=k, years=smiles.years[group])
    curve = pd.DataFrame({"of_forward": np.exp(k), "iv": volatility})
    return curve.dropna(ignore_index=True)
