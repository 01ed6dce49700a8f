"""The simulated market's planted flow and skew are found, and only those."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from scanner.calendar import MarketCalendar, flow_expirations
from scanner.model import ChainSnapshot
from scanner.premium_facts import premium_facts
from scanner.pricing.rates import RateCurve
from scanner.signals.composite import opportunities
from scanner.signals.expirations import expiration_signals
from scanner.signals.flow import contract_flow
from scanner.sources.simulated import SimulatedSource
from scanner.sources.simulated.planted import Case
from scanner.symbols import DEFAULT_UNIVERSE, parse_occ

AFTERNOON = datetime(2026, 11, 18, 19, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def market() -> tuple[SimulatedSource, MarketCalendar]:
    calendar = MarketCalendar.around(AFTERNOON)
    return SimulatedSource(1, lambda: AFTERNOON, calendar), calendar


@pytest.fixture(scope="module")
def scanned(market: tuple[SimulatedSource, MarketCalendar]) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Opportunities and expiration signals by symbol, at half past two."""
    source, calendar = market
    found = {}
    for symbol in DEFAULT_UNIVERSE:
        chain: ChainSnapshot = source.chain(
            symbol,
            lambda listed, root=symbol: flow_expirations(listed, now=AFTERNOON, root=root, calendar=calendar),  # type: ignore[misc]
        )
        facts = premium_facts(chain, calendar=calendar, rates=RateCurve.flat(0.04))
        flow = contract_flow(facts, underlying_volume=chain.underlying.volume)
        signals = expiration_signals(facts, flow)
        found[symbol] = opportunities(flow, signals), signals
    return found


def test_planted_flow_is_found_and_nothing_else(
    market: tuple[SimulatedSource, MarketCalendar], scanned: dict[str, tuple[pd.DataFrame, pd.DataFrame]]
) -> None:
    """All but those whose stock has moved more than 5 % away from the strike since the planting."""
    planted = {
        symbol: case.occ_symbol
        for symbol in DEFAULT_UNIVERSE
        for case in market[0].planted_cases(symbol)
        if case.case is Case.UNUSUAL_FLOW
    }
    near = {code for symbol, code in planted.items() if _near(str(code), scanned[symbol][1]["spot"].iloc[0])}
    found = {code for rows, _ in scanned.values() for code in rows["occ_symbol"]}
    assert len(planted) >= 15
    assert len(near) >= 12
    assert found == near


def _near(code: str, spot: float) -> bool:
    return abs(parse_occ(code).strike / spot - 1.0) <= 0.05


def test_planted_skew_stands_out_and_nothing_else(
    scanned: dict[str, tuple[pd.DataFrame, pd.DataFrame]],
) -> None:
    norm = {symbol: rows["skew_25d_norm"].median() for symbol, (_, rows) in scanned.items()}
    ranked = sorted(norm, key=lambda symbol: norm[symbol])
    assert ranked[0] == "PLTR"
    assert ranked[-1] == "UNH"
    others = [value for symbol, value in norm.items() if symbol not in ("PLTR", "UNH")]
    assert norm["PLTR"] < min(others)
    assert norm["UNH"] > max(others)
