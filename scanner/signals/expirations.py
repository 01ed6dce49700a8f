"""What a whole (root, expiration) says: skew, ranges, put against call, walls (definitions 5 and 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanner.model import OptionType
from scanner.pricing.arrays import Flags, Floats
from scanner.pricing.quotes import Indices, pair
from scanner.pricing.skew import SkewInputs, skew_inputs
from scanner.schema import EXPIRY_SIGNALS, as_declared

CLEAN_GRADES: Final = ("A", "B", "C")

_KEY: Final = ["symbol", "expiration", "root"]

_SHARED: Final = (
    *("spot", "forward", "years_to_expiry", "expected_move_usd", "expected_move_pct", "upper_1sd", "lower_1sd"),
)


def expiration_signals(facts: pd.DataFrame, flow: pd.DataFrame) -> pd.DataFrame:
    """A `schema.EXPIRY_SIGNALS` frame, ascending by symbol, expiration, root.

    `facts` are `schema.PREMIUM` rows, each symbol's of one chain, and `flow` what `contract_flow` made of them.
    Adjusted contracts are left out. A sum is over the contracts whose number is known, and unknown where none is.
    """
    standard = facts[~facts["adjusted"]].reset_index(drop=True)
    keys = standard[_KEY].drop_duplicates().sort_values(_KEY, ignore_index=True)
    if keys.empty:
        return EXPIRY_SIGNALS.empty()
    group = _group_of(standard, keys)
    is_call = np.asarray(standard["option_type"] == OptionType.CALL.value, dtype=np.bool_)
    clean = np.asarray(standard["quote_grade"].isin(CLEAN_GRADES), dtype=np.bool_)
    first = np.unique(group, return_index=True)[1]
    columns: dict[str, Any] = {
        "symbol": keys["symbol"],
        "root": keys["root"],
        "expiration": keys["expiration"],
        **{name: _first_known(standard[name].to_numpy(), group, len(keys)) for name in _SHARED},
        **_skew_columns(standard, group, is_call, clean, len(keys)),
        **_side_columns(standard, flow, group, is_call, len(keys)),
        "contracts": np.bincount(group, minlength=len(keys)),
        "clean_contracts": np.bincount(group[clean], minlength=len(keys)),
        "quote_time": standard.groupby(group)["quote_time"].min().to_numpy(),
        "answer_time": standard["answer_time"].array[first],
        "source": standard["source"].array[first],
    }
    frame = pd.DataFrame({name: columns[name] for name in EXPIRY_SIGNALS.names}, index=keys.index)
    for name in ("quote_time", "answer_time"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return as_declared(frame, EXPIRY_SIGNALS)


def skew_measures(inputs: SkewInputs) -> dict[str, Floats]:
    """The four skews in volatility points, and their share of the volatility at the money in %; NaN stays NaN."""
    put, call, middle = inputs.iv_25d_put, inputs.iv_25d_call, inputs.atm_iv
    skew = (put - call) * 100.0
    with np.errstate(divide="ignore", invalid="ignore"):
        norm = np.where(middle > 0, (put - call) / middle * 100.0, np.nan)
    return {
        "skew_25d": skew,
        "put_skew": (put - middle) * 100.0,
        "call_skew": (call - middle) * 100.0,
        "skew_25d_norm": norm,
    }


def volume_ratio(*, put_volume: Floats, call_volume: Floats) -> Floats:
    """(put - call) / max(put, call) x 100, in [-100, 100]; NaN where both are 0 or either is unknown."""
    with np.errstate(divide="ignore", invalid="ignore"):
        larger = np.maximum(put_volume, call_volume)
        return np.where(larger > 0, (put_volume - call_volume) / larger * 100.0, np.nan)


def _group_of(standard: pd.DataFrame, keys: pd.DataFrame) -> Indices:
    numbered = keys.assign(number=np.arange(len(keys)))
    merged = standard[_KEY].merge(numbered, on=_KEY, how="left")
    return merged["number"].to_numpy(dtype=np.intp)


def _skew_columns(
    standard: pd.DataFrame, group: Indices, is_call: Flags, clean: Flags, count: int
) -> Mapping[str, Floats]:
    volatility, strike = standard["iv"].to_numpy(), standard["strike"].to_numpy()
    inputs = skew_inputs(
        pairs=pair(group, strike, is_call),
        group=group,
        forward=_first_known(standard["forward"].to_numpy(), group, count),
        strike=strike,
        volatility=volatility,
        delta=standard["delta"].to_numpy(),
        usable=clean & ~np.isnan(volatility),
        is_call=is_call,
    )
    return {
        "atm_iv": inputs.atm_iv,
        "iv_25d_put": inputs.iv_25d_put,
        "iv_25d_call": inputs.iv_25d_call,
        **skew_measures(inputs),
    }


def _side_columns(
    standard: pd.DataFrame, flow: pd.DataFrame, group: Indices, is_call: Flags, count: int
) -> Mapping[str, Floats]:
    volume, interest = standard["volume"].to_numpy(), standard["open_interest"].to_numpy()
    strike, gex = standard["strike"].to_numpy(), flow["gex"].to_numpy()
    sides = {"call": is_call, "put": ~is_call}
    sums = {
        **{f"{side}_volume": _known_sum(volume, group, rows, count) for side, rows in sides.items()},
        **{f"{side}_open_interest": _known_sum(interest, group, rows, count) for side, rows in sides.items()},
    }
    walls = {
        **{f"{side}_wall": _wall(interest, strike, group, rows, count) for side, rows in sides.items()},
        **{f"{side}_volume_wall": _wall(volume, strike, group, rows, count) for side, rows in sides.items()},
    }
    return {
        **sums,
        **walls,
        "put_call_vol_ratio": _over(sums["put_volume"], sums["call_volume"]),
        "put_call_oi_ratio": _over(sums["put_open_interest"], sums["call_open_interest"]),
        "vol_ratio": volume_ratio(put_volume=sums["put_volume"], call_volume=sums["call_volume"]),
        "net_gex": _known_sum(np.where(is_call, gex, -gex), group, np.ones_like(is_call), count),
    }


def _known_sum(values: Floats, group: Indices, rows: Flags, count: int) -> Floats:
    """Sum of the known values of each group; NaN where none is known."""
    known = rows & ~np.isnan(values)
    total = np.bincount(group[known], weights=values[known], minlength=count)
    return np.where(np.bincount(group[known], minlength=count) > 0, total, np.nan)


def _wall(values: Floats, strike: Floats, group: Indices, rows: Flags, count: int) -> Floats:
    """The strike with the largest value above 0 in each group, the lowest such strike on a tie; NaN without one."""
    found = np.full(count, np.nan)
    held = np.flatnonzero(rows & (values > 0))
    ordered = held[np.lexsort((-strike[held], values[held]))]
    found[group[ordered]] = strike[ordered]
    return found


def _over(puts: Floats, calls: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(calls > 0, puts / calls, np.nan)


def _first_known(values: NDArray[np.float64], group: Indices, count: int) -> Floats:
    found = np.full(count, np.nan)
    known = np.flatnonzero(~np.isnan(values))[::-1]
    found[group[known]] = values[known]
    return found
