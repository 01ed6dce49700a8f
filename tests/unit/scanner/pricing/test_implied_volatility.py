from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scanner.errors import InputError
from scanner.pricing.black_scholes import price
from scanner.pricing.implied_volatility import IV_REASON_CODE, IV_REASONS, ImpliedVolatility, IvReason
from scanner.pricing.implied_volatility import implied_volatility as solve
from tests.reference import european
from tests.reference.european import Option
from tests.reference.shared_data import shared_path

MINUTE = 1 / (365 * 24 * 60)
CALL: dict[str, Any] = {
    "price": 5.0,
    "forward": 101.0,
    "strike": 105.0,
    "years": 0.25,
    "rate": 0.04,
    "is_call": True,
}


def reason_of(result: ImpliedVolatility) -> IvReason | None:
    code = int(result.reason)
    assert (code == 0) == bool(np.isfinite(result.volatility))
    return IV_REASONS[code - 1] if code else None


def black(*, forward: Any, strike: Any, years: Any, rate: Any, volatility: Any, is_call: Any) -> Any:
    return price(
        spot=forward,
        strike=strike,
        years=years,
        rate=rate,
        dividend_yield=rate,
        volatility=volatility,
        is_call=is_call,
    )


class TestRoundTrip:
    @settings(max_examples=400)
    @given(
        log_moneyness=st.floats(-2.5, 2.5),
        years=st.floats(np.log(MINUTE), np.log(3.0)).map(np.exp),
        volatility=st.floats(np.log(0.01), np.log(5.0)).map(np.exp),
        rate=st.floats(-0.02, 0.12),
        is_call=st.booleans(),
    )
    @example(log_moneyness=0.0, years=MINUTE, volatility=0.01, rate=0.0, is_call=True)
    @example(log_moneyness=0.0, years=3.0, volatility=5.0, rate=0.05, is_call=False)
    @example(log_moneyness=2.5, years=3.0, volatility=5.0, rate=0.05, is_call=False)
    @example(log_moneyness=1e-9, years=MINUTE, volatility=0.01, rate=0.0, is_call=True)
    def test_price_gives_back_its_volatility_or_says_that_it_cannot(
        self, log_moneyness: float, years: float, volatility: float, rate: float, is_call: bool
    ) -> None:
        contract: dict[str, Any] = {
            "forward": 100.0,
            "strike": 100.0 * float(np.exp(log_moneyness)),
            "years": years,
            "rate": rate,
            "is_call": is_call,
        }
        value = black(**contract, volatility=volatility)
        result = solve(price=value, **contract)
        intrinsic = max((contract["strike"] - 100.0) * (-1 if is_call else 1), 0.0)
        time_value = float(value * np.exp(rate * years)) - intrinsic
        if time_value > 1e-10 and time_value > 1e-8 * value:
            assert reason_of(result) is None
            assert float(result.volatility) == pytest.approx(volatility, rel=1e-7)
        if reason_of(result) is None:
            again = black(**contract, volatility=result.volatility)
            assert float(again) == pytest.approx(float(value), rel=1e-9, abs=1e-12)
            assert float(result.volatility) == pytest.approx(volatility, abs=1e-6)
        else:
            assert reason_of(result) is IvReason.VEGA_NEGLIGIBLE

    def test_every_point_of_a_dense_grid(self) -> None:
        """Out of the money and down to prices of 1e-290: the volatility to eight digits, everywhere."""
        grid = np.meshgrid(
            100.0 * np.exp(np.concatenate([[0.0], np.geomspace(1e-9, 9.0, 120)])),
            np.geomspace(MINUTE, 3.0, 12),
            np.geomspace(0.01, 5.0, 60),
        )
        strike, years, volatility = (axis.ravel() for axis in grid)
        contract: dict[str, Any] = {"forward": 100.0, "strike": strike, "years": years, "rate": 0.03, "is_call": True}
        values = black(**contract, volatility=volatility)
        keeps_its_digits = (values > 1e-290) & (values < 99.0)
        result = solve(price=values, **contract)
        assert keeps_its_digits.sum() > 40_000
        assert not result.reason[keeps_its_digits].any()
        np.testing.assert_allclose(result.volatility[keeps_its_digits], volatility[keeps_its_digits], rtol=1e-8)

    @pytest.mark.parametrize("strike", [104.0, 130.0, 250.0, 600.0])
    def test_tiny_prices_in_forty_digits(self, strike: float) -> None:
        option = Option(100.0, strike, 0.1, 0.04, 0.04, 0.2, True)
        value = european.price(option)
        result = solve(price=value, forward=100.0, strike=strike, years=0.1, rate=0.04, is_call=True)
        assert float(result.volatility) == pytest.approx(0.2, rel=1e-13)

    def test_table_of_1500_options_at_50_digits(self) -> None:
        table = pd.read_csv(shared_path("reference/bsm_mpmath/bsm_random_1500.csv"))
        spot, strike, years, rate = (table[name].to_numpy() for name in ("S", "K", "T", "r"))
        forward = spot * np.exp((rate - table["q"].to_numpy()) * years)
        is_call = (table["cp"] == "C").to_numpy()
        result = solve(
            price=table["price"].to_numpy(), forward=forward, strike=strike, years=years, rate=rate, is_call=is_call
        )
        vega = table["vega_per_1.0"].to_numpy()
        determined = vega > 1e-6 * spot
        assert determined.sum() > 1300
        np.testing.assert_allclose(
            result.volatility[determined], table["sigma"].to_numpy()[determined], rtol=0, atol=1e-8
        )
        known = result.reason == 0
        np.testing.assert_allclose(result.volatility[known], table["sigma"].to_numpy()[known], rtol=0, atol=1e-6)


class TestReasons:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"strike": 90.0, "price": 10.0}, IvReason.BELOW_INTRINSIC),
            ({"strike": 120.0, "price": 17.0, "is_call": False}, IvReason.BELOW_INTRINSIC),
            ({"price": -0.01}, IvReason.BELOW_INTRINSIC),
            ({"strike": 90.0, "price": -1.0}, IvReason.BELOW_INTRINSIC),
            ({"price": 100.0}, IvReason.ABOVE_MAXIMUM),
            ({"price": 1e9}, IvReason.ABOVE_MAXIMUM),
            ({"price": 104.0, "is_call": False}, IvReason.ABOVE_MAXIMUM),
            ({"price": 0.0}, IvReason.VEGA_NEGLIGIBLE),
            ({"price": 5e-324}, IvReason.VEGA_NEGLIGIBLE),
            ({"strike": 1.0, "price": 99.00498337491681}, IvReason.VEGA_NEGLIGIBLE),
            ({"years": 0.0}, IvReason.NO_TIME),
            ({"years": -0.1}, IvReason.NO_TIME),
            ({"years": 0.0, "price": 0.0}, IvReason.NO_TIME),
            *(({name: np.nan}, IvReason.INVALID_INPUT) for name in CALL if name != "is_call"),
            *(({name: np.inf}, IvReason.INVALID_INPUT) for name in CALL if name != "is_call"),
            ({"rate": -np.inf}, IvReason.INVALID_INPUT),
            ({"forward": 0.0}, IvReason.INVALID_INPUT),
            ({"forward": -101.0}, IvReason.INVALID_INPUT),
            ({"strike": 0.0}, IvReason.INVALID_INPUT),
            ({"strike": -105.0, "forward": -101.0}, IvReason.INVALID_INPUT),
        ],
    )
    def test_first_reason_that_applies(self, changes: dict[str, Any], reason: IvReason) -> None:
        assert reason_of(solve(**{**CALL, **changes})) is reason

    def test_intrinsic_value_exactly_determines_nothing(self) -> None:
        """Not below intrinsic, but every small enough volatility gives this price."""
        assert reason_of(solve(**{**CALL, "price": 11.0, "strike": 90.0, "rate": 0.0})) is IvReason.VEGA_NEGLIGIBLE

    def test_a_bad_element_spoils_no_other(self) -> None:
        prices = np.array([np.nan, 5.0, 1e9, -1.0, 5.0])
        result = solve(**{**CALL, "price": prices})
        assert [IV_REASONS[code - 1] if code else None for code in result.reason] == [
            IvReason.INVALID_INPUT,
            None,
            IvReason.ABOVE_MAXIMUM,
            IvReason.BELOW_INTRINSIC,
            None,
        ]
        alone = solve(**CALL)
        assert result.volatility[1] == result.volatility[4] == alone.volatility

    def test_codes_name_all_reasons(self) -> None:
        assert [IV_REASONS[IV_REASON_CODE[reason] - 1] for reason in IvReason] == list(IvReason)
        assert min(IV_REASON_CODE.values()) == 1


class TestArguments:
    def test_contradictory_arguments_raise(self) -> None:
        with pytest.raises(InputError, match="broadcast"):
            solve(**{**CALL, "price": np.ones(3), "strike": np.ones(2)})
        with pytest.raises(InputError, match="is_call"):
            solve(**{**CALL, "is_call": "call"})
        with pytest.raises(InputError, match="price"):
            solve(**{**CALL, "price": None})

    def test_broadcast(self) -> None:
        result = solve(**{**CALL, "price": np.array([4.0, 5.0, 6.0]), "years": np.array([[0.25], [0.5]])})
        assert result.volatility.shape == result.reason.shape == (2, 3)
        assert result.volatility[0, 1] == solve(**CALL).volatility

    def test_empty(self) -> None:
        result = solve(**{**CALL, "price": np.array([])})
        assert result.volatility.shape == result.reason.shape == (0,)


def test_brenner_subrahmanyam_at_the_money() -> None:
    """At the forward, price = e^{-rT} F (2 N(sigma sqrt T / 2) - 1), about 0.4 F sigma sqrt T (Brenner 1988)."""
    value = 0.4 * 100.0 * 0.2 * 0.5
    result = solve(price=value, forward=100.0, strike=100.0, years=0.25, rate=0.0, is_call=True)
    assert float(result.volatility) == pytest.approx(0.2, rel=0.005)
