"""Who is listed on the simulated market: the default universe by table, any other symbol by its hash.

Symbols starting with ZZ are unknown, symbols starting with ZX are stocks without options, indices are not listed.
Everything else that `scanner.symbols.normalise` accepts is a stock. Prices are invented around familiar levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from scanner.sources.simulated.hashing import uniform
from scanner.symbols import option_root

UNKNOWN_PREFIX: Final = "ZZ"
WITHOUT_OPTIONS_PREFIX: Final = "ZX"

_BILLION: Final = 1e9


class Listing(StrEnum):
    """How much is listed: daily expirations and many strikes, weeklies and LEAPS, or a short strip of strikes."""

    WIDE = "wide"
    LARGE = "large"
    SMALL = "small"


@dataclass(frozen=True, slots=True)
class Company:
    """What stays the same about an underlying: $ for money, decimals for volatility, % a year for the yield.

    `skew` and `smile` are rho and eta of the volatility surface; `spread` is the half spread of an option at the
    money as a part of its price; `activity` the usual open interest of a contract at the money; `correlation` the
    correlation of its returns with the market's.
    """

    symbol: str
    root: str
    name: str
    sector: str | None
    industry: str | None
    price: float
    volatility: float
    correlation: float
    market_cap: float | None
    dividend_yield_pct: float
    reports_earnings: bool
    listing: Listing
    penny_ticks: bool
    skew: float
    smile: float
    spread: float
    activity: float
    share_volume: float


class _Stock(NamedTuple):
    name: str
    sector: str
    industry: str
    price: float
    volatility: float
    billions: float
    dividend_yield_pct: float


class _Fund(NamedTuple):
    name: str
    price: float
    volatility: float
    billions: float
    dividend_yield_pct: float
    correlation: float = 0.93
    skew: float = -0.6


_TECHNOLOGY: Final = "Technology"
_FINANCE: Final = "Financial Services"
_COMMUNICATION: Final = "Communication Services"
_CYCLICAL: Final = "Consumer Cyclical"
_STAPLES: Final = "Consumer Defensive"
_HEALTH: Final = "Healthcare"
_ENERGY: Final = "Energy"
_INDUSTRY: Final = "Industrials"

_STOCKS: Final[dict[str, _Stock]] = {
    "AAPL": _Stock("Apple Inc.", _TECHNOLOGY, "Consumer Electronics", 232, 0.26, 3500, 0.45),
    "MSFT": _Stock("Microsoft Corporation", _TECHNOLOGY, "Software - Infrastructure", 428, 0.23, 3180, 0.75),
    "GOOGL": _Stock("Alphabet Inc.", _COMMUNICATION, "Internet Content & Information", 178, 0.28, 2180, 0.45),
    "AMZN": _Stock("Amazon.com, Inc.", _CYCLICAL, "Internet Retail", 206, 0.30, 2160, 0),
    "NVDA": _Stock("NVIDIA Corporation", _TECHNOLOGY, "Semiconductors", 142, 0.46, 3480, 0.03),
    "META": _Stock("Meta Platforms, Inc.", _COMMUNICATION, "Internet Content & Information", 580, 0.33, 1465, 0.35),
    "TSLA": _Stock("Tesla, Inc.", _CYCLICAL, "Auto Manufacturers", 320, 0.58, 1020, 0),
    "AVGO": _Stock("Broadcom Inc.", _TECHNOLOGY, "Semiconductors", 172, 0.40, 805, 1.25),
    "ORCL": _Stock("Oracle Corporation", _TECHNOLOGY, "Software - Infrastructure", 186, 0.31, 515, 0.85),
    "AMD": _Stock("Advanced Micro Devices, Inc.", _TECHNOLOGY, "Semiconductors", 140, 0.47, 227, 0),
    "CRM": _Stock("Salesforce, Inc.", _TECHNOLOGY, "Software - Application", 328, 0.32, 314, 0.5),
    "GS": _Stock("The Goldman Sachs Group, Inc.", _FINANCE, "Capital Markets", 585, 0.26, 184, 2.05),
    "NFLX": _Stock("Netflix, Inc.", _COMMUNICATION, "Entertainment", 840, 0.34, 359, 0),
    "COIN": _Stock("Coinbase Global, Inc.", _FINANCE, "Financial Data & Stock Exchanges", 285, 0.76, 71, 0),
    "APP": _Stock("AppLovin Corporation", _TECHNOLOGY, "Software - Application", 315, 0.68, 106, 0),
    "PLTR": _Stock("Palantir Technologies Inc.", _TECHNOLOGY, "Software - Infrastructure", 64, 0.63, 146, 0),
    "SNOW": _Stock("Snowflake Inc.", _TECHNOLOGY, "Software - Application", 152, 0.48, 50, 0),
    "TEAM": _Stock("Atlassian Corporation", _TECHNOLOGY, "Software - Application", 245, 0.42, 64, 0),
    "CRWD": _Stock("CrowdStrike Holdings, Inc.", _TECHNOLOGY, "Software - Infrastructure", 352, 0.44, 86, 0),
    "AXP": _Stock("American Express Company", _FINANCE, "Credit Services", 290, 0.25, 204, 0.97),
    "JPM": _Stock("JPMorgan Chase & Co.", _FINANCE, "Banks - Diversified", 245, 0.23, 690, 2.05),
    "C": _Stock("Citigroup Inc.", _FINANCE, "Banks - Diversified", 69, 0.27, 131, 3.25),
    "WFC": _Stock("Wells Fargo & Company", _FINANCE, "Banks - Diversified", 74, 0.27, 246, 2.15),
    "XOM": _Stock("Exxon Mobil Corporation", _ENERGY, "Oil & Gas Integrated", 120, 0.22, 527, 3.3),
    "CVX": _Stock("Chevron Corporation", _ENERGY, "Oil & Gas Integrated", 160, 0.21, 287, 4.1),
    "PG": _Stock("The Procter & Gamble Company", _STAPLES, "Household & Personal Products", 171, 0.16, 403, 2.35),
    "JNJ": _Stock("Johnson & Johnson", _HEALTH, "Drug Manufacturers - General", 155, 0.16, 373, 3.2),
    "UNH": _Stock("UnitedHealth Group Incorporated", _HEALTH, "Healthcare Plans", 598, 0.27, 550, 1.4),
    "V": _Stock("Visa Inc.", _FINANCE, "Credit Services", 310, 0.18, 600, 0.76),
    "MA": _Stock("Mastercard Incorporated", _FINANCE, "Credit Services", 520, 0.19, 477, 0.51),
    "HD": _Stock("The Home Depot, Inc.", _CYCLICAL, "Home Improvement Retail", 408, 0.21, 405, 2.2),
    "WMT": _Stock("Walmart Inc.", _STAPLES, "Discount Stores", 87, 0.19, 699, 0.95),
    "KO": _Stock("The Coca-Cola Company", _STAPLES, "Beverages - Non-Alcoholic", 63, 0.15, 271, 3.1),
    "PEP": _Stock("PepsiCo, Inc.", _STAPLES, "Beverages - Non-Alcoholic", 158, 0.17, 217, 3.4),
    "MRK": _Stock("Merck & Co., Inc.", _HEALTH, "Drug Manufacturers - General", 98, 0.21, 248, 3.15),
    "ABBV": _Stock("AbbVie Inc.", _HEALTH, "Drug Manufacturers - General", 170, 0.23, 300, 3.85),
    "CAT": _Stock("Caterpillar Inc.", _INDUSTRY, "Farm & Heavy Construction Machinery", 386, 0.28, 186, 1.45),
    "TMO": _Stock("Thermo Fisher Scientific Inc.", _HEALTH, "Diagnostics & Research", 515, 0.24, 197, 0.3),
    "LLY": _Stock("Eli Lilly and Company", _HEALTH, "Drug Manufacturers - General", 745, 0.33, 707, 0.7),
}

_FUNDS: Final[dict[str, _Fund]] = {
    "SPY": _Fund("SPDR S&P 500 ETF Trust", 592, 0.145, 615, 1.2),
    "QQQ": _Fund("Invesco QQQ Trust", 505, 0.19, 312, 0.6),
    "IWM": _Fund("iShares Russell 2000 ETF", 235, 0.22, 74, 1.15),
    "DIA": _Fund("SPDR Dow Jones Industrial Average ETF Trust", 437, 0.14, 39, 1.6),
    "IBIT": _Fund("iShares Bitcoin Trust ETF", 55, 0.60, 45, 0, correlation=0.35, skew=-0.1),
}

_SECTORS: Final = (_TECHNOLOGY, _FINANCE, _COMMUNICATION, _CYCLICAL, _STAPLES, _HEALTH, _ENERGY, _INDUSTRY)
_WIDE: Final = frozenset(("SPY", "QQQ", "IWM", "AAPL", "NVDA", "TSLA"))


@lru_cache(maxsize=16_384)
def company(symbol: str) -> Company:
    """The underlying of a canonical symbol, whether or not the market lists it. Raises SymbolError."""
    if symbol in _STOCKS:
        return _listed_stock(symbol, _STOCKS[symbol])
    if symbol in _FUNDS:
        return _listed_fund(symbol, _FUNDS[symbol])
    return _synthetic(symbol)


def _listed_stock(symbol: str, row: _Stock) -> Company:
    return Company(
        symbol=symbol,
        root=option_root(symbol),
        name=row.name,
        sector=row.sector,
        industry=row.industry,
        price=row.price,
        volatility=row.volatility,
        correlation=0.45 + 0.2 * uniform(symbol, "correlation"),
        market_cap=row.billions * _BILLION,
        dividend_yield_pct=row.dividend_yield_pct,
        reports_earnings=True,
        listing=Listing.WIDE if symbol in _WIDE else Listing.LARGE,
        penny_ticks=True,
        skew=-0.2 - 0.2 * uniform(symbol, "skew"),
        smile=0.45 + 0.25 * uniform(symbol, "smile"),
        spread=0.006 + 0.014 * uniform(symbol, "spread"),
        activity=150.0 * row.billions**0.45 * (0.6 + 0.8 * uniform(symbol, "activity")),
        share_volume=row.billions * _BILLION / row.price * row.volatility * 0.012,
    )


def _listed_fund(symbol: str, row: _Fund) -> Company:
    return Company(
        symbol=symbol,
        root=option_root(symbol),
        name=row.name,
        sector=None,
        industry=None,
        price=row.price,
        volatility=row.volatility,
        correlation=row.correlation,
        market_cap=row.billions * _BILLION,
        dividend_yield_pct=row.dividend_yield_pct,
        reports_earnings=False,
        listing=Listing.WIDE if symbol in _WIDE else Listing.LARGE,
        penny_ticks=True,
        skew=row.skew,
        smile=0.7,
        spread=0.006,
        activity=6_000.0 if symbol in _WIDE else 900.0,
        share_volume=row.billions * _BILLION / row.price * 0.05,
    )


def _synthetic(symbol: str) -> Company:
    price = round(8.0 * 50.0 ** uniform(symbol, "price"), 2)
    volatility = 0.18 * 4.0 ** uniform(symbol, "volatility")
    billions = 0.4 * 300.0 ** uniform(symbol, "market cap")
    pays = uniform(symbol, "pays") < 0.45 and volatility < 0.45
    return Company(
        symbol=symbol,
        root=option_root(symbol),
        name=f"{symbol} Holdings (simulated)",
        sector=_SECTORS[int(uniform(symbol, "sector") * len(_SECTORS))],
        industry=None,
        price=price,
        volatility=volatility,
        correlation=0.25 + 0.4 * uniform(symbol, "correlation"),
        market_cap=billions * _BILLION,
        dividend_yield_pct=round(0.5 + 3.5 * uniform(symbol, "yield"), 2) if pays else 0.0,
        reports_earnings=True,
        listing=Listing.SMALL,
        penny_ticks=uniform(symbol, "ticks") < 0.3,
        skew=-0.05 - 0.3 * uniform(symbol, "skew"),
        smile=0.4 + 0.4 * uniform(symbol, "smile"),
        spread=0.015 * 4.0 ** uniform(symbol, "spread"),
        activity=30.0 * 40.0 ** uniform(symbol, "activity"),
        share_volume=billions * _BILLION / price * volatility * 0.012,
    )
