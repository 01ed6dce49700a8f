"""The smiles of a priced chain, and what they say of its contracts and expirations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from scanner.conventions import VEGA_PER_VOL_POINT
from scanner.model import ChainSnapshot
from scanner.pricing.arrays import Flags, Floats
from scanner.pricing.chain import PricedChain
from scanner.pricing.fair_value import FairValues, fair_values, stands_out
from scanner.pricing.quotes import Indices, QuoteArrays, read_quotes
from scanner.pricing.skew import SkewInputs, fitted_skew_inputs, skew_inputs
from scanner.pricing.smile_fit import Smiles, curve_volatility, fit_smiles
from scanner.pricing.term_structure import (
    CalendarArbitrage,
    ConstantMaturity,
    calendar_arbitrage,
    constant_maturity_volatility,
)
from scanner.symbols import is_index_root


@dataclass(frozen=True, slots=True)
class ChainSmiles:
    """Groups are the (root, expiration)s of the chain, adjusted contracts apart, in the order of `roots` and `days`;
    `families`, one for each root, those of `constant_maturity`.

    Per group: `smiles`; `skew` between listed strikes (definition 6) and `fitted_skew` on the curve. Per contract:
    `group`; `volatility`, the curve's; `residual`, its own less the curve's; `fair`, its quote against the curve's
    price, for European contracts and American ones out of the money. NaN where a contract or an expiration has none.
    `stands_out`: out of the money with a clean quote that contradicts the curve.
    """

    roots: tuple[str, ...]
    days: tuple[date, ...]
    families: tuple[str, ...]
    group: Indices
    smiles: Smiles
    skew: SkewInputs
    fitted_skew: SkewInputs
    volatility: Floats
    residual: Floats
    stands_out: Flags
    fair: FairValues
    calendar: CalendarArbitrage
    constant_maturity: ConstantMaturity


def chain_smiles(snapshot: ChainSnapshot, priced: PricedChain) -> ChainSmiles:
    """Fit the smile of every expiration of a chain to its clean out-of-the-money quotes and read everything off it.

    `priced` is what `price_chain` made of `snapshot`. Adjusted contracts have no volatility and so no smile.
    """
    quotes = read_quotes(snapshot)
    groups, columns = quotes.expirations, priced.columns
    group, years, volatility = groups.of_row, columns["years_to_expiry"], columns["iv"]
    usable = quotes.clean & ~np.isnan(volatility)
    forward = _first_of_group(columns["forward"], group, len(groups))
    with np.errstate(invalid="ignore", divide="ignore"):
        log_moneyness = np.log(quotes.strike / columns["forward"])
        half_spread = (quotes.ask - quotes.bid) / 2 * VEGA_PER_VOL_POINT / columns["vega"]
        outside = np.where(quotes.is_call, log_moneyness >= 0, log_moneyness <= 0)
        smiles = fit_smiles(
            group=group,
            group_count=len(groups),
            log_moneyness=log_moneyness,
            years=years,
            volatility=volatility,
            half_spread=half_spread,
            usable=usable & outside,
        )
        fitted = curve_volatility(smiles, group=group, log_moneyness=log_moneyness, years=years)
        carry = _first_of_group(
            columns["forward"] * np.exp(-columns["rate"] * years) / columns["spot"], group, len(groups)
        )
    families = tuple(dict.fromkeys(groups.root))
    family = np.array([families.index(root) for root in groups.root], dtype=np.intp)
    return ChainSmiles(
        roots=groups.root,
        days=groups.day,
        families=families,
        group=group,
        smiles=smiles,
        skew=skew_inputs(
            pairs=quotes.pairs,
            group=group,
            forward=forward,
            strike=quotes.strike,
            volatility=volatility,
            delta=columns["delta"],
            usable=usable,
            is_call=quotes.is_call,
        ),
        fitted_skew=fitted_skew_inputs(smiles, carry=carry),
        volatility=fitted,
        residual=volatility - fitted,
        stands_out=outside
        & quotes.clean
        & stands_out(smiles, group=group, residual=volatility - fitted, half_spread=half_spread),
        fair=_fair_values(quotes, priced, fitted, outside),
        calendar=calendar_arbitrage(smiles, family=family),
        constant_maturity=constant_maturity_volatility(smiles, family=family, family_count=len(families)),
    )


def _fair_values(quotes: QuoteArrays, priced: PricedChain, fitted: Floats, outside: Flags) -> FairValues:
    """NaN without a curve at the strike, without a bid or ask, and for American contracts in the money."""
    columns = priced.columns
    european = np.array([is_index_root(root) for root in quotes.expirations.root], dtype=np.bool_)
    return fair_values(
        forward=columns["forward"],
        strike=quotes.strike,
        years=columns["years_to_expiry"],
        rate=columns["rate"],
        volatility=np.where(european[quotes.expirations.of_row] | outside, fitted, np.nan),
        is_call=quotes.is_call,
        bid=quotes.bid,
        ask=quotes.ask,
    )


def _first_of_group(values: Floats, group: Indices, group_count: int) -> Floats:
    """A known value of each group, for what is the same, or nearly, in all of it; NaN where none is known."""
    found = np.full(group_count, np.nan)
    known = np.flatnonzero(~np.isnan(values))[::-1]
    found[group[known]] = values[known]
    return found
