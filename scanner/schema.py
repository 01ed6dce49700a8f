"""The declared columns of every frame: type, unit, null, range. Checked where data enters; trusted inside.

Types: `text` is pandas `str`; `date` is `datetime64[s]` at midnight, a calendar date and no instant; `instant` is
`datetime64[us, UTC]`; `number` is float64 with NaN for unknown (counts too: unknown volume is NaN, never 0);
`integer` is int64; `flag` is bool.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from scanner.errors import SchemaError

Kind = Literal["text", "date", "instant", "number", "integer", "flag"]

_DTYPES: Final[dict[Kind, str]] = {
    "text": "str",
    "date": "datetime64[s]",
    "instant": "datetime64[us, UTC]",
    "number": "float64",
    "integer": "int64",
    "flag": "bool",
}


Columns = Mapping[str, Any]
"""The columns of a declared frame in its order, numpy or pandas arrays of one length. What is stored and not looked at
need not become a frame, which costs as much as pricing a chain."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `least` and `most` are inclusive and apply to known values."""

    name: str
    kind: Kind
    unit: str
    null: bool = False
    least: float | None = None
    most: float | None = None

    @property
    def dtype(self) -> str:
        return _DTYPES[self.kind]


@dataclass(frozen=True, slots=True)
class Schema:
    name: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def empty(self) -> pd.DataFrame:
        """A frame with these columns and no rows."""
        return pd.DataFrame({column.name: pd.Series(dtype=column.dtype) for column in self.columns})


def as_declared(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The frame with the columns of `schema` in its dtypes; only what differs is converted. Nothing else is checked."""
    chosen = frame[schema.names]
    differing = {
        column.name: column.dtype
        for column, dtype in zip(schema.columns, chosen.dtypes, strict=True)
        if str(dtype) != column.dtype
    }
    return chosen.astype(differing) if differing else chosen


def validate(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return `frame` unchanged, or raise `SchemaError` with every problem found. Columns may stand in any order."""
    missing = [name for name in schema.names if name not in frame.columns]
    extra = [str(name) for name in frame.columns if name not in schema.names]
    problems = [f"column {name} is missing" for name in missing] + [f"column {name} is not declared" for name in extra]
    for column in schema.columns:
        if column.name not in missing:
            problems.extend(_problems(frame[column.name], column))
    if problems:
        raise SchemaError(schema.name, tuple(problems))
    return frame


def _problems(values: pd.Series, column: Column) -> Iterable[str]:
    if str(values.dtype) != column.dtype:
        yield f"{column.name} is {values.dtype}, not {column.dtype}"
        return
    if not column.null and bool(values.isna().any()):
        yield f"{column.name} has {int(values.isna().sum())} unknown values"
    if column.kind in ("number", "integer"):
        yield from _range_problems(values.to_numpy(), column)


def _range_problems(numbers: np.ndarray, column: Column) -> Iterable[str]:
    if column.kind == "number" and bool(np.isinf(numbers).any()):
        yield f"{column.name} has infinite values"
    if column.least is not None and bool((numbers < column.least).any()):
        yield f"{column.name} is below {column.least}"
    if column.most is not None and bool((numbers > column.most).any()):
        yield f"{column.name} is above {column.most}"


_IDENTITY = (
    Column("root", "text", "option root"),
    Column("expiration", "date", "listed expiration"),
    Column("option_type", "text", "call or put"),
    Column("strike", "number", "$", least=0),
    Column("occ_symbol", "text", "OCC contract symbol"),
    Column("multiplier", "integer", "shares", least=1),
    Column("adjusted", "flag", "non-standard contract"),
)

_QUOTE = (
    Column("bid", "number", "$/share", null=True, least=0),
    Column("ask", "number", "$/share", null=True, least=0),
    Column("last", "number", "$/share", null=True, least=0),
    Column("volume", "number", "contracts today", null=True, least=0),
    Column("open_interest", "number", "contracts, previous session", null=True, least=0),
    Column("vendor_iv", "number", "decimal", null=True, least=0),
    Column("quote_time", "instant", "the quote's own time", null=True),
)

CHAIN: Final = Schema("chain", _IDENTITY + _QUOTE)
"""What a source delivers: quotes with the vendor's sentinels and placeholders already null."""

_FACTS = (
    Column("symbol", "text", "underlying symbol"),
    Column("source", "text", "source of the chain"),
    Column("fetched_at", "instant", "when the answer arrived"),
    Column("answer_time", "instant", "market time of the whole answer", null=True),
    Column("previous_expiration", "date", "listed before this one", null=True),
    Column("next_expiration", "date", "listed after this one", null=True),
    Column("expiry_instant", "instant", "when the contract expires"),
    Column("spot", "number", "$/share", null=True, least=0),
    Column("spot_time", "instant", "time of the spot", null=True),
    Column("mid", "number", "$/share", null=True, least=0),
    Column("spread_pct", "number", "% of mid", null=True, least=0),
    Column("moneyness_pct", "number", "%", null=True),
    Column("otm_pct", "number", "%, positive out of the money", null=True),
    Column("years_to_expiry", "number", "years from the quote", null=True),
    Column("rate", "number", "continuous, decimal", null=True),
    Column("forward", "number", "$/share", null=True, least=0),
    Column("forward_method", "text", "parity, parity_american or spot_carry", null=True),
    Column("iv", "number", "decimal", null=True, least=0),
    Column("iv_reason", "text", "why iv is unknown", null=True),
    Column("model", "text", "pricing model", null=True),
    Column("delta", "number", "long option, per share", null=True, least=-1, most=1),
    Column("gamma", "number", "per $1", null=True),
    Column("theta", "number", "$/share per calendar day", null=True),
    Column("vega", "number", "$/share per vol point", null=True),
    Column("rho", "number", "$/share per 1 %", null=True),
    Column("prob_otm", "number", "risk-neutral, 0-1", null=True, least=0, most=1),
    Column("prob_touch", "number", "risk-neutral, 0-1", null=True, least=0, most=1),
    Column("expected_move_usd", "number", "$/share", null=True, least=0),
    Column("expected_move_pct", "number", "% of spot", null=True, least=0),
    Column("upper_1sd", "number", "$/share", null=True),
    Column("lower_1sd", "number", "$/share", null=True),
    Column("flags", "text", "comma-separated, empty where none"),
    Column("quote_reason", "text", "first failing quote test, RejectionReason", null=True),
    Column("quote_grade", "text", "grade without the age part"),
    Column("grade_reasons", "text", "why not A, semicolon-separated, empty where A"),
)

_PREMIUM = (
    Column("price_basis", "text", "bid, mid or fill f"),
    Column("premium", "number", "$/share", null=True, least=0),
    Column("premium_usd", "number", "$/contract", null=True, least=0),
    Column("premium_pct", "number", "%", null=True, least=0),
    Column("collateral_usd", "number", "$/contract", null=True, least=0),
    Column("break_even", "number", "$/share", null=True),
    Column("downside_protection", "number", "%", null=True),
    Column("if_called_return", "number", "%, covered call only", null=True),
    Column("prob_profit", "number", "risk-neutral, 0-1", null=True, least=0, most=1),
)

_AS_OF = (
    Column("strategy", "text", "cash_secured_put or covered_call"),
    Column("dte", "integer", "calendar days in New York"),
    Column("daily_return", "number", "%", null=True),
    Column("monthly_return", "number", "%", null=True),
    Column("annual_return", "number", "%", null=True),
    Column("quote_age_seconds", "number", "s", null=True),
    Column("age_is_minimum", "flag", "age counted from the answer, the quote's own time is unknown"),
    Column("age_state", "text", "fresh, delayed, stale, closed or unknown"),
    Column("grade", "text", "A to F, age included"),
)

PRICED: Final = Schema("priced chain", _IDENTITY + _QUOTE + _FACTS)
"""A chain with everything that follows from the quotes alone."""

PREMIUM: Final = Schema("premium facts", PRICED.columns + _PREMIUM)
"""What is stored per contract, on the stored price basis."""

SCAN: Final = Schema("scan rows", PREMIUM.columns + _AS_OF)
"""What pages, CSV and API show: stored facts, and what depends on the instant of the question."""

_CONTRACT = (
    Column("symbol", "text", "underlying symbol"),
    Column("root", "text", "option root"),
    Column("expiration", "date", "listed expiration"),
    Column("option_type", "text", "call or put"),
    Column("strike", "number", "$", least=0),
    Column("occ_symbol", "text", "OCC contract symbol"),
)

FLOW: Final = Schema(
    "contract flow",
    (
        *_CONTRACT,
        Column("multiplier", "integer", "shares", least=1),
        Column("spot", "number", "$/share", null=True, least=0),
        Column("underlying_volume", "number", "shares traded in the session", null=True, least=0),
        Column("mark", "number", "$/share", null=True, least=0),
        Column("iv", "number", "decimal", null=True, least=0),
        Column("delta", "number", "long option, per share", null=True, least=-1, most=1),
        Column("gamma", "number", "per $1", null=True),
        Column("volume", "number", "contracts today", null=True, least=0),
        Column("open_interest", "number", "contracts, previous session", null=True, least=0),
        Column("valr", "number", "volatility adjusted leverage ratio", null=True, least=0),
        Column("vol_oi_ratio", "number", "volume / open interest", null=True, least=0),
        Column("dollar_ratio", "number", "premium traded / shares traded, in $", null=True, least=0),
        Column("whale_exact", "number", "whale score before rounding", null=True, least=0),
        Column("whale_score", "number", "whole number", null=True, least=0),
        Column("notional", "number", "$ of premium traded", null=True, least=0),
        Column("oi_score", "number", "whole number", null=True, least=0),
        Column("gex", "number", "$ per 1 % move, unsigned", null=True),
        Column("flags", "text", "new_strike or oi_unknown, empty where neither"),
        Column("quote_time", "instant", "the quote's own time", null=True),
        Column("answer_time", "instant", "market time of the whole answer", null=True),
        Column("source", "text", "source of the chain"),
    ),
)
"""What was traded in each contract (definitions 5). A missing input leaves a score unknown, never 0."""

STRIKE_FLOW: Final = Schema(
    "flow by strike",
    (
        Column("strike", "number", "$", least=0),
        Column("call_volume", "number", "contracts today", null=True, least=0),
        Column("put_volume", "number", "contracts today", null=True, least=0),
        Column("call_open_interest", "number", "contracts, previous session", null=True, least=0),
        Column("put_open_interest", "number", "contracts, previous session", null=True, least=0),
        Column("call_gex", "number", "$ per 1 % move", null=True),
        Column("put_gex", "number", "$ per 1 % move, counted negative (naive sign convention)", null=True),
        Column("net_gex", "number", "$ per 1 % move, calls +, puts - (naive sign convention)", null=True),
    ),
)
"""What is held and traded at each strike of one underlying. A sum is over known numbers, unknown where none is."""

EXPIRY_SIGNALS: Final = Schema(
    "expiration signals",
    (
        Column("symbol", "text", "underlying symbol"),
        Column("root", "text", "option root"),
        Column("expiration", "date", "listed expiration"),
        Column("spot", "number", "$/share", null=True, least=0),
        Column("forward", "number", "$/share", null=True, least=0),
        Column("years_to_expiry", "number", "years from the quote", null=True),
        Column("atm_iv", "number", "decimal", null=True, least=0),
        Column("iv_25d_put", "number", "decimal", null=True, least=0),
        Column("iv_25d_call", "number", "decimal", null=True, least=0),
        Column("skew_25d", "number", "vol points, positive is fear", null=True),
        Column("put_skew", "number", "vol points", null=True),
        Column("call_skew", "number", "vol points", null=True),
        Column("skew_25d_norm", "number", "% of ATM volatility", null=True),
        Column("expected_move_usd", "number", "$/share", null=True, least=0),
        Column("expected_move_pct", "number", "% of spot", null=True, least=0),
        Column("upper_1sd", "number", "$/share", null=True),
        Column("lower_1sd", "number", "$/share", null=True),
        Column("call_volume", "number", "contracts", null=True, least=0),
        Column("put_volume", "number", "contracts", null=True, least=0),
        Column("call_open_interest", "number", "contracts", null=True, least=0),
        Column("put_open_interest", "number", "contracts", null=True, least=0),
        Column("put_call_vol_ratio", "number", "put / call volume", null=True, least=0),
        Column("put_call_oi_ratio", "number", "put / call open interest", null=True, least=0),
        Column("vol_ratio", "number", "-100 all calls to 100 all puts", null=True, least=-100, most=100),
        Column("call_wall", "number", "strike with most call open interest", null=True, least=0),
        Column("put_wall", "number", "strike with most put open interest", null=True, least=0),
        Column("call_volume_wall", "number", "strike with most call volume", null=True, least=0),
        Column("put_volume_wall", "number", "strike with most put volume", null=True, least=0),
        Column("net_gex", "number", "$ per 1 % move, calls +, puts - (naive sign convention)", null=True),
        Column("contracts", "integer", "standard contracts looked at", least=0),
        Column("clean_contracts", "integer", "of grades A to C", least=0),
        Column("quote_time", "instant", "oldest of the quotes that have a time", null=True),
        Column("answer_time", "instant", "market time of the whole answer", null=True),
        Column("source", "text", "source of the chain"),
    ),
)
"""Skew, ranges and sums of each (root, expiration) (definitions 5 and 6). Unknown stays unknown."""

OPPORTUNITY: Final = Schema(
    "opportunities",
    (
        *FLOW.columns,
        Column("skew_25d", "number", "vol points, of its expiration", null=True),
        Column("vol_ratio", "number", "-100 all calls to 100 all puts, of its expiration", null=True),
        Column("whale_points", "integer", "0 to 35", least=0, most=35),
        Column("fresh_points", "integer", "0 to 35", least=0, most=35),
        Column("skew_points", "integer", "0 to 30", least=0, most=30),
        Column("composite_score", "integer", "sum of the three", least=0, most=100),
        Column("signal_type", "text", "first that matches"),
    ),
)
"""Contracts whose flow makes them opportunities, with their score in parts (definitions 7)."""

_SCAN_OF = (
    Column("timestamp", "instant", "slot of the flow scan"),
    Column("run_id", "integer", "run of the flow scan", least=1),
)

FLOW_ROWS: Final = Schema("stored flow", _SCAN_OF + FLOW.columns)
"""Rows of `whale_flows` and `oi_flows`."""

SKEW_ROWS: Final = Schema("stored skew", _SCAN_OF + EXPIRY_SIGNALS.columns)
"""Rows of `skew_metrics`."""

OPPORTUNITY_ROWS: Final = Schema("stored opportunities", _SCAN_OF + OPPORTUNITY.columns)
"""Rows of `opportunities`."""

SKEW_HISTORY: Final = Schema(
    "skew history",
    (
        *SKEW_ROWS.columns,
        Column("previous_timestamp", "instant", "slot of the scan before", null=True),
        Column("skew_change", "number", "vol points since the scan before", null=True),
        Column("atm_iv_change", "number", "decimal, since the scan before", null=True),
    ),
)
"""Rows of the view `stock_skew_history`."""

_RENAMED = {"spot": "underlying_price"}

TOP_OPPORTUNITY: Final = Schema(
    "top opportunities",
    (
        *_SCAN_OF,
        *(replace(column, name=_RENAMED.get(column.name, column.name)) for column in OPPORTUNITY.columns),
        Column("put_skew", "number", "vol points", null=True),
        Column("call_skew", "number", "vol points", null=True),
        Column("skew_25d_norm", "number", "% of ATM volatility", null=True),
        Column("atm_iv", "number", "decimal", null=True, least=0),
        Column("implied_move_usd", "number", "$/share", null=True, least=0),
        Column("implied_move_pct", "number", "% of spot", null=True, least=0),
        Column("upper_bound", "number", "$/share, one standard deviation up", null=True),
        Column("lower_bound", "number", "$/share, one standard deviation down", null=True),
        Column("put_call_oi_ratio", "number", "put / call open interest", null=True, least=0),
        Column("put_call_vol_ratio", "number", "put / call volume", null=True, least=0),
        Column("call_wall", "number", "strike with most call open interest", null=True, least=0),
        Column("put_wall", "number", "strike with most put open interest", null=True, least=0),
        Column("call_volume_wall", "number", "strike with most call volume", null=True, least=0),
        Column("put_volume_wall", "number", "strike with most put volume", null=True, least=0),
        Column("net_gex", "number", "$ per 1 % move, calls +, puts - (naive sign convention)", null=True),
        Column("fetched_at", "instant", "when the chain was fetched"),
        Column("mode", "text", "live, simulated or recorded"),
        Column("score_percentile", "number", "of the symbol's own scores of the 30 days before", null=True),
    ),
)
"""Rows of the view `top_opportunities`, with their place in the symbol's own history."""
