"""Every live vendor with the same small chain behind it: three expirations, 1.00 at 1.10."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scanner.sources.base import ChainSource
from scanner.sources.resilience import OpenGate
from scanner.sources.yahoo import YahooSource
from tests.integration.sources import chains, polygon_chains, robinhood_chains, schwab_chains
from tests.vendors import yahoo
from tests.vendors.messages import Server
from tests.vendors.polygon import PolygonServer
from tests.vendors.robinhood import RobinhoodServer
from tests.vendors.schwab import SchwabServer

NOW = chains.NOW


@dataclass(frozen=True)
class Vendor:
    """`data` matches the requests for data, as against log-ins and cookies."""

    servers: Callable[[], dict[str, Server]]
    source: Callable[[float], ChainSource]
    data: str


VENDORS: Mapping[str, Vendor] = {
    "yahoo": Vendor(
        lambda: yahoo.YahooServer(chains.answers("AAPL")).servers,
        lambda seconds: YahooSource(clock=lambda: NOW, gate=OpenGate(), timeout_seconds=seconds),
        yahoo.DATA,
    ),
    "robinhood": Vendor(
        lambda: RobinhoodServer(robinhood_chains.answers("AAPL")).servers,
        lambda seconds: robinhood_chains.source(timeout_seconds=seconds),
        r"^GET api\.robinhood\.com/",
    ),
    "schwab": Vendor(
        lambda: SchwabServer(schwab_chains.answers("AAPL")).servers,
        lambda seconds: schwab_chains.source(timeout_seconds=seconds),
        r"/marketdata/v1/chains",
    ),
    "polygon": Vendor(
        lambda: PolygonServer(polygon_chains.answers("AAPL")).servers,
        lambda seconds: polygon_chains.source(timeout_seconds=seconds),
        r"api\.polygon\.io/",
    ),
}
