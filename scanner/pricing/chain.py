"""A whole chain priced at once: spot, forward, implied volatility, Greeks and probabilities of every contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from scanner.pricing.arrays import Flags


@dataclass(frozen=True, slots=True)
class PricedChain:
    """What follows from the quotes of one `ChainSnapshot`; arrays run parallel to the rows of its `contracts`.

    `columns` holds, under the names and units of `schema.PRICED`:

    * numbers, float64, NaN unknown: `spot`, `mid`, `spread_pct`, `moneyness_pct`, `otm_pct`, `years_to_expiry`,
      `rate`, `forward`, `iv`, `delta`, `gamma`, `theta`, `vega`, `rho`, `prob_otm`, `prob_touch`,
      `expected_move_usd`, `expected_move_pct`, `upper_1sd`, `lower_1sd`;
    * instants, datetime64[us] in UTC without a zone, NaT unknown: `spot_time`, `expiry_instant`;
    * texts, object arrays of str, None unknown: `forward_method` (`forward.ForwardMethod`), `iv_reason`
      (`implied_volatility.IvReason`; None exactly where `iv` is known), `model` (None where `iv` is unknown).

    `spot_skew`: spot and option quote are too far apart in time to belong together. `quote_time_unknown`: the quote
    carries no time of its own. `is_call`: the side as a flag.
    """

    columns: Mapping[str, NDArray[Any]]
    is_call: Flags
    spot_skew: Flags
    quote_time_unknown: Flags
