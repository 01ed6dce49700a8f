"""The skew of the product's own path on Cboe's recorded chains."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

from benchmarks.evidence.chains import FILES, TREASURY
from scanner.calendar import NEW_YORK, MarketCalendar
from scanner.premium_facts import premium_facts
from scanner.pricing.rates import RateCurve
from scanner.signals.expirations import expiration_signals
from scanner.signals.flow import contract_flow
from tests.reference.cboe import read_cboe
from tests.reference.shared_data import shared_path


@pytest.fixture(scope="module")
def compared() -> pd.DataFrame:
    reference = pd.read_csv(shared_path("cboe/skew25_reference.csv"), parse_dates=["expiry"])
    return pd.concat([_compared(file, quoted, reference) for file, quoted in FILES], ignore_index=True)


def _compared(file: str, quoted: str, reference: pd.DataFrame) -> pd.DataFrame:
    quoted_at = datetime.fromisoformat(quoted).replace(tzinfo=NEW_YORK)
    snapshot = read_cboe(shared_path(f"cboe/{file}"), quoted_at=quoted_at).snapshot
    facts = premium_facts(
        snapshot, calendar=MarketCalendar.around(quoted_at), rates=RateCurve.flat(TREASURY[quoted_at.year])
    )
    signals = expiration_signals(facts, contract_flow(facts, underlying_volume=None))
    good = reference[reference["good"] & (reference["file"] == file)]
    return good.merge(signals, left_on=["root", "expiry"], right_on=["root", "expiration"])


def test_skew_is_within_the_published_tolerance(compared: pd.DataFrame) -> None:
    apart = (compared["skew_25d"] - compared["skew25_own"] * 100).abs().dropna()
    assert len(apart) >= 37
    assert apart.median() <= 0.1
    assert apart.max() <= 0.4
