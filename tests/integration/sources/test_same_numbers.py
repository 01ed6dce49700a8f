"""The same chain in every vendor's words becomes the same contracts with the same numbers."""

from __future__ import annotations

from itertools import combinations

import pandas as pd
import pytest

from tests.integration.sources.every_vendor import VENDORS
from tests.vendors.fixtures import EnterInternet

NUMBERS = ["bid", "ask", "last", "volume", "open_interest", "vendor_iv"]
IDENTITY = ["root", "expiration", "option_type", "strike", "occ_symbol", "multiplier", "adjusted"]


@pytest.fixture
def chains(enter_internet: EnterInternet) -> dict[str, pd.DataFrame]:
    enter_internet({host: server for vendor in VENDORS.values() for host, server in vendor.servers().items()})
    answers = {name: vendor.source(60.0).chain("AAPL", lambda listed: listed) for name, vendor in VENDORS.items()}
    return {
        name: answer.contracts.sort_values("occ_symbol", ignore_index=True)[IDENTITY + NUMBERS]
        for name, answer in answers.items()
    }


def test_every_vendor_delivers_the_whole_chain(chains: dict[str, pd.DataFrame]) -> None:
    assert {len(frame) for frame in chains.values()} == {18}
    assert all((frame["bid"] == 1.0).all() and (frame["ask"] == 1.1).all() for frame in chains.values())


def test_any_two_vendors_agree(chains: dict[str, pd.DataFrame]) -> None:
    for one, other in combinations(chains, 2):
        pd.testing.assert_frame_equal(chains[one], chains[other], rtol=1e-5, obj=f"{one} and {other}")
