"""Frozen value types of the domain. Frames inside them are declared in `scanner.schema`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

import pandas as pd

from scanner.errors import InputError


class Mode(StrEnum):
    """Where the numbers come from. Never mixed in one database, shown on every page, file and answer."""

    LIVE = "live"
    SIMULATED = "simulated"
    RECORDED = "recorded"


class OptionType(StrEnum):
    CALL = "call"
    PUT = "put"


class Strategy(StrEnum):
    CASH_SECURED_PUT = "cash_secured_put"
    COVERED_CALL = "covered_call"

    @property
    def option_type(self) -> OptionType:
        return OptionType.PUT if self is Strategy.CASH_SECURED_PUT else OptionType.CALL


class Grade(StrEnum):
    """Quality of a row, best to worst; letters sort alphabetically in that order."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    F = "F"


class RejectionReason(StrEnum):
    """Why a contract is not in a scan's result: the first failing test, in this order.

    Order: first what cannot be read, then what concerns the whole expiration and side, then what is wrong with
    the quote whatever the filters say, then the user's filters. The order is a public contract: counts depend on it.
    """

    UNREADABLE = "unreadable"
    EXPIRED = "expired"
    OTHER_STRATEGY = "other_strategy"
    NOT_TARGET_EXPIRATION = "not_target_expiration"
    OUTSIDE_DTE_WINDOW = "outside_dte_window"
    ADJUSTED = "adjusted"
    INDEX_ROOT = "index_root"
    NO_SPOT = "no_spot"
    NOT_OUT_OF_THE_MONEY = "not_out_of_the_money"
    NO_BID = "no_bid"
    NO_ASK = "no_ask"
    CROSSED = "crossed"
    NO_IMPLIED_VOLATILITY = "no_implied_volatility"
    LIQUIDITY_UNKNOWN = "liquidity_unknown"
    ILLIQUID = "illiquid"
    DELTA_OUT_OF_RANGE = "delta_out_of_range"
    STOCK_PRICE_TOO_HIGH = "stock_price_too_high"
    PREMIUM_TOO_LOW = "premium_too_low"
    SPREAD_TOO_WIDE = "spread_too_wide"
    GRADE_TOO_LOW = "grade_too_low"
    EARNINGS_BEFORE_EXPIRATION = "earnings_before_expiration"
    EARNINGS_UNKNOWN = "earnings_unknown"
    EARNINGS_AFTER_EXPIRATION = "earnings_after_expiration"


QUOTE_REASONS: tuple[RejectionReason, ...] = (
    RejectionReason.ADJUSTED,
    RejectionReason.INDEX_ROOT,
    RejectionReason.NO_SPOT,
    RejectionReason.NOT_OUT_OF_THE_MONEY,
    RejectionReason.NO_BID,
    RejectionReason.NO_ASK,
    RejectionReason.CROSSED,
    RejectionReason.NO_IMPLIED_VOLATILITY,
)
"""Reasons that depend on the stored quote alone. Stored with the row as `quote_reason`, null where none applies."""


class BasisKind(StrEnum):
    BID = "bid"
    MID = "mid"
    FILL = "fill"


@dataclass(frozen=True, slots=True)
class PriceBasis:
    """The seller's price: the bid, the mid, or `bid + fill * (ask - bid)` with 0 <= fill <= 1."""

    kind: BasisKind = BasisKind.BID
    fill: float | None = None

    def __post_init__(self) -> None:
        if (self.kind is BasisKind.FILL) != (self.fill is not None):
            raise InputError("a fill fraction goes with the basis 'fill' and only with it")
        if self.fill is not None and not 0.0 <= self.fill <= 1.0:
            raise InputError(f"fill fraction {self.fill} is not between 0 and 1")

    @property
    def fraction(self) -> float:
        """Distance from bid to ask: 0 at the bid, 0.5 at the mid."""
        if self.fill is not None:
            return self.fill
        return 0.5 if self.kind is BasisKind.MID else 0.0

    def __str__(self) -> str:
        return f"fill {self.fill:g}" if self.fill is not None else self.kind.value


class EarningsFilter(StrEnum):
    """Which contracts pass by the next earnings of their stock: before the expiration, after it, or unknown.

    `exclude` takes those known to come after; `exclude_known` those not known to come before; `only` those before.
    """

    ANY = "any"
    EXCLUDE = "exclude"
    EXCLUDE_KNOWN = "exclude_known"
    ONLY = "only"


DEFAULT_TARGET_DTES: tuple[int, ...] = (7, 14, 21, 30, 45, 60)
TARGET_DTE_TOLERANCE: Mapping[int, int] = {7: 3, 14: 5, 21: 5, 30: 7, 45: 10, 60: 15}

TOP_PREMIUMS_DTE: tuple[int, int] = (28, 35)
"""Days to expiration of the view `top_premiums`, both included."""


@dataclass(frozen=True, slots=True)
class PremiumFilters:
    """What a premium scan accepts. `None` switches a limit off. Limits are inclusive.

    Without `target_dtes` every listed expiration in the DTE window is taken.
    """

    strategies: tuple[Strategy, ...] = (Strategy.CASH_SECURED_PUT,)
    target_dtes: tuple[int, ...] = DEFAULT_TARGET_DTES
    dte_min: int = 1
    dte_max: int = 75
    delta_min: float = 0.20
    delta_max: float = 0.40
    volume_min: int = 100
    open_interest_min: int = 50
    max_stock_price: float | None = None
    min_premium_pct: float | None = None
    max_spread_pct: float | None = None
    min_grade: Grade | None = None
    earnings: EarningsFilter = EarningsFilter.ANY
    basis: PriceBasis = field(default_factory=PriceBasis)
    best_per_expiration: bool = True

    def __post_init__(self) -> None:
        if not self.strategies or len(set(self.strategies)) != len(self.strategies):
            raise InputError("choose each strategy once, and at least one")
        unknown = sorted(set(self.target_dtes) - set(TARGET_DTE_TOLERANCE))
        if unknown:
            raise InputError(f"target DTE must be among {sorted(TARGET_DTE_TOLERANCE)}, not {unknown}")
        _ordered("DTE", 0, self.dte_min, self.dte_max, 10_000)
        _ordered("delta", 0.0, self.delta_min, self.delta_max, 1.0)
        for name in ("volume_min", "open_interest_min", "max_stock_price", "min_premium_pct", "max_spread_pct"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise InputError(f"{name} must not be negative, not {value}")


def _ordered(name: str, least: float, low: float, high: float, most: float) -> None:
    if not least <= low <= high <= most:
        raise InputError(f"{name} range {low} to {high} must lie in order within {least} to {most}")


@dataclass(frozen=True, slots=True)
class ExpirationWindow:
    """One listed expiration that a target DTE may take, and what its listed neighbours must satisfy for that.

    The target takes `expiration` where the symbol lists no nearer one: `next_at_least` bounds the next listed
    expiration from below (inclusive), `previous_before` the previous one from above (exclusive); a missing
    neighbour satisfies either. Without a target every listed expiration is taken.
    """

    expiration: date
    dte: int
    target_dte: int | None
    next_at_least: date | None
    previous_before: date | None


@dataclass(frozen=True, slots=True)
class AgeCutoffs:
    """The earliest quote time that still earns each grade at one `as_of`. Older than `d`: F.

    `reference` is the instant ages are judged from: `as_of` in session, else the last session's close. A quote
    whose own time is unknown is judged by its answer's time and earns C at best.
    """

    reference: datetime
    market_open: bool
    a: datetime
    b: datetime
    c: datetime
    d: datetime


@dataclass(frozen=True, slots=True)
class UnderlyingQuote:
    """The underlying as quoted beside a chain; $/share. Only prices of the regular session; `None` is unknown.

    `quote_time` is the time of bid and ask, `last_time` of the last regular-session trade. `volume` are the shares
    traded in the session so far; indices have none.
    """

    bid: float | None = None
    ask: float | None = None
    last: float | None = None
    quote_time: datetime | None = None
    last_time: datetime | None = None
    volume: float | None = None


PLACEHOLDER_IV = "placeholder_iv"
"""A key of `ChainSnapshot.notes`: volatilities the vendor made up."""

STRIKES_EACH_SIDE = "strikes_each_side"
"""A key of `ChainSnapshot.notes`: the chain holds only so many strikes above and below the money."""


@dataclass(frozen=True, slots=True)
class SkippedSource:
    """A source that was asked before the one that answered, and why its answer is not the one used."""

    source: str
    error_class: str
    detail: str


@dataclass(frozen=True, slots=True)
class ChainSnapshot:
    """One answer of one source about one symbol: the unit of fetching, storing and replaying.

    `contracts` is a `schema.CHAIN` frame. `unreadable` counts vendor rows that could not be identified, by reason;
    `notes` are numbers worth knowing, by kind: vendor's placeholders taken out, a limit on the strikes;
    `missing_expirations` were asked for and not delivered. `answer_time` is the market time of the answer as a
    whole, used where single quotes carry no time. `skipped` are the sources asked in vain before this one.
    """

    symbol: str
    source: str
    mode: Mode
    fetched_at: datetime
    answer_time: datetime | None
    underlying: UnderlyingQuote
    listed_expirations: tuple[date, ...]
    contracts: pd.DataFrame
    unreadable: Mapping[str, int] = field(default_factory=dict)
    missing_expirations: tuple[date, ...] = ()
    skipped: tuple[SkippedSource, ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)

    @property
    def fetched_count(self) -> int:
        return len(self.contracts) + sum(self.unreadable.values())


class EarningsState(StrEnum):
    """How sure the next earnings are. `none`: the symbol is a fund, which reports none."""

    CONFIRMED = "confirmed"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ReferenceData:
    """Slow facts of a stock, once a day. `None` is unknown, never zero. Prices in $, yield in %, market cap in $."""

    symbol: str
    source: str
    fetched_at: datetime
    name: str | None = None
    last_price: float | None = None
    change_pct: float | None = None
    volume: int | None = None
    average_volume: int | None = None
    high_52_week: float | None = None
    low_52_week: float | None = None
    sector: str | None = None
    industry: str | None = None
    market_cap: float | None = None
    next_earnings: date | None = None
    earnings_state: EarningsState = EarningsState.UNKNOWN
    ex_dividend_date: date | None = None
    dividend_amount: float | None = None
    dividend_yield_pct: float | None = None


@dataclass(frozen=True, slots=True)
class DailyClose:
    """The close of a finished session, $/share, split-adjusted."""

    session: date
    close: float


@dataclass(frozen=True, slots=True)
class Dividend:
    """A known cash dividend: $ per share, paid to holders before `ex_date`."""

    ex_date: date
    amount: float


@dataclass(frozen=True, slots=True)
class SymbolCount:
    """How one symbol's contracts fared: `fetched == passed + sum(rejected.values())`."""

    symbol: str
    fetched: int
    passed: int
    rejected: Mapping[RejectionReason, int]


@dataclass(frozen=True, slots=True)
class ScanResult:
    """Ranked rows (`schema.SCAN`) with the account of everything that is not among them.

    `passed` contracts met all filters, `shown` of them are in `rows` (fewer when only the best per symbol and
    expiration is kept). `without_data` lists symbols asked for that have no stored or fetched chain.
    """

    rows: pd.DataFrame
    filters: PremiumFilters
    as_of: datetime
    counts: tuple[SymbolCount, ...]
    without_data: tuple[str, ...] = ()

    @property
    def fetched(self) -> int:
        return sum(count.fetched for count in self.counts)

    @property
    def passed(self) -> int:
        return sum(count.passed for count in self.counts)

    @property
    def shown(self) -> int:
        return len(self.rows)

    @property
    def rejected(self) -> dict[RejectionReason, int]:
        """Totals over all symbols in the documented order; reasons that met nobody are left out."""
        totals = {reason: sum(count.rejected.get(reason, 0) for count in self.counts) for reason in RejectionReason}
        return {reason: total for reason, total in totals.items() if total}
