"""Whatever form arrays come in - empty, scalar, strided, read-only, big - every function gives the same numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from scanner.errors import InputError
from scanner.pricing.black_scholes import all_greeks, greeks, price
from scanner.pricing.implied_volatility import implied_volatility
from scanner.pricing.probabilities import prob_otm, prob_profit, prob_touch

Columns = dict[str, Any]
Results = list[NDArray[Any]]
SIDE = ("is_call",)
OPTION = ("spot", "strike", "years", "rate", "dividend_yield", "volatility", *SIDE)


def fields(names: tuple[str, ...], function: Callable[..., Any]) -> Callable[[Columns], Results]:
    def call(columns: Columns) -> Results:
        result = function(**{name: columns[name] for name in names})
        if isinstance(result, np.ndarray):
            return [result]
        members = [name for kind in type(result).__mro__[::-1] for name in getattr(kind, "__slots__", ())]
        return [getattr(result, name) for name in members]

    return call


PUBLIC: list[tuple[str, tuple[str, ...], Callable[..., Any]]] = [
    ("price", OPTION, price),
    ("greeks", OPTION, greeks),
    ("all_greeks", OPTION, all_greeks),
    ("implied_volatility", ("price", "forward", "strike", "years", "rate", *SIDE), implied_volatility),
    ("prob_otm", ("forward", "strike", "years", "volatility", *SIDE), prob_otm),
    ("prob_profit", ("forward", "break_even", "years", "volatility"), prob_profit),
    ("prob_touch", OPTION, prob_touch),
]
FUNCTIONS = {name: (names, fields(names, function)) for name, names, function in PUBLIC}
each = pytest.mark.parametrize("name", FUNCTIONS)


def options(count: int) -> Columns:
    random = np.random.default_rng(7)
    return {
        "spot": random.uniform(50, 150, count),
        "forward": random.uniform(50, 150, count),
        "strike": random.uniform(50, 150, count),
        "break_even": random.uniform(-5, 150, count),
        "years": random.uniform(0.0, 3, count),
        "rate": random.uniform(-0.02, 0.1, count),
        "dividend_yield": random.uniform(0, 0.1, count),
        "volatility": random.uniform(0.0, 2, count),
        "price": random.uniform(0, 60, count),
        "is_call": random.random(count) < 0.5,
    }


def assert_same(ours: Results, expected: Results) -> None:
    assert len(ours) == len(expected)
    for one, other in zip(ours, expected, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


@each
@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 4, 2)])
def test_nothing(name: str, shape: tuple[int, ...]) -> None:
    _, call = FUNCTIONS[name]
    columns = {key: np.empty(shape, dtype=values.dtype) for key, values in options(1).items()}
    assert {result.shape for result in call(columns)} == {shape}


@each
def test_nothing_broadcast_against_numbers(name: str) -> None:
    _, call = FUNCTIONS[name]
    assert {result.shape for result in call({**options(1), "years": np.empty(0)})} == {(0,)}


@each
@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 127, 128, 129, 300])
def test_an_element_does_not_depend_on_where_it_stands_or_on_others(name: str, count: int) -> None:
    _, call = FUNCTIONS[name]
    columns = options(300)
    whole = call(columns)
    last = {key: values[300 - count :] for key, values in columns.items()}
    assert_same(call(last), [result[300 - count :] for result in whole])
    alone = call({key: values[299] for key, values in columns.items()})
    assert_same([result.reshape(1) for result in alone], [result[299:] for result in whole])


@each
def test_strided_reversed_transposed_and_fortran_order(name: str) -> None:
    _, call = FUNCTIONS[name]
    columns = options(240)
    expected = call(columns)
    spread = {key: np.repeat(values, 3)[::3] for key, values in columns.items()}
    backwards = {key: values[::-1] for key, values in columns.items()}
    table = {key: values.reshape(20, 12) for key, values in columns.items()}
    fortran = {key: np.asfortranarray(values) for key, values in table.items()}
    turned = {key: values.T for key, values in table.items()}
    assert_same(call(spread), expected)
    assert_same([result[::-1] for result in call(backwards)], expected)
    for form in (table, fortran):
        assert_same([result.reshape(-1) for result in call(form)], expected)
    assert_same([result.T.reshape(-1) for result in call(turned)], expected)


@each
def test_read_only_unaligned_byte_swapped_and_never_written_to(name: str) -> None:
    names, call = FUNCTIONS[name]
    columns = options(150)
    expected = call(columns)
    before = {key: values.copy() for key, values in columns.items()}
    for values in columns.values():
        values.flags.writeable = False
    assert_same(call(columns), expected)
    packed = np.zeros(150, dtype=[("gap", "i1"), *((key, columns[key].dtype) for key in names)])
    for key in names:
        packed[key] = columns[key]
    assert not all(packed[key].flags.aligned for key in names)
    assert_same(call({key: packed[key] for key in names}), expected)
    swapped = {key: v.astype(v.dtype.newbyteorder(">")) if v.dtype.kind == "f" else v for key, v in columns.items()}
    assert_same(call(swapped), expected)
    assert all(np.array_equal(columns[key], before[key]) for key in columns)


@each
def test_results_are_writeable_and_own_their_memory_apart_from_inputs(name: str) -> None:
    _, call = FUNCTIONS[name]
    columns = options(20)
    for result in call(columns):
        assert result.flags.writeable
        assert not any(np.shares_memory(result, values) for values in columns.values())


@each
def test_single_numbers_and_arrays_of_one_broadcast_like_full_columns(name: str) -> None:
    names, call = FUNCTIONS[name]
    columns = options(200)
    for key in names:
        number = columns[key][5]
        full = call({**columns, key: np.full(200, number)})
        assert_same(call({**columns, key: number}), full)
        assert_same(call({**columns, key: np.array([number])}), full)
        assert_same([result[0] for result in call({**columns, key: np.array([[number]])})], full)


@each
def test_rows_against_columns(name: str) -> None:
    names, call = FUNCTIONS[name]
    columns = options(17)
    other = next(key for key in names if key not in ("strike", "break_even"))
    crossed = call(
        {**{key: columns[key][3] for key in columns}, "years": columns["years"][:, None], other: columns[other]}
    )
    assert {result.shape for result in crossed} == {(17, 17)}
    one = call({**{key: columns[key][3] for key in columns}, "years": columns["years"][4], other: columns[other][9]})
    assert [result[4, 9] for result in crossed] == pytest.approx([float(value) for value in one], rel=0, nan_ok=True)


@each
@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf, -1e308, 1e308, 5e-324, -0.0, 0.0])
def test_a_bad_number_anywhere_spoils_only_its_own_row(name: str, bad: float) -> None:
    names, call = FUNCTIONS[name]
    columns = options(70)
    expected = call(columns)
    for key in names:
        if key == "is_call":
            continue
        mixed = {**columns, key: columns[key].copy()}
        mixed[key][[0, 33, 69]] = bad
        results = call(mixed)
        others = np.ones(70, dtype=np.bool_)
        others[[0, 33, 69]] = False
        assert_same([result[others] for result in results], [result[others] for result in expected])
        if not np.isfinite(bad):
            floats = [result for result in results if result.dtype.kind == "f"]
            assert all(np.isnan(result[[0, 33, 69]]).all() for result in floats), key


@each
def test_signalling_and_odd_nans_are_nan(name: str) -> None:
    """A NaN may carry any bits; kernels work on bits."""
    names, call = FUNCTIONS[name]
    patterns = np.array([0x7FF0000000000001, 0xFFF8000000000000, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF], np.uint64)
    nans = patterns.view(np.float64)
    columns = options(4)
    for key in names:
        if key != "is_call":
            floats = [result for result in call({**columns, key: nans}) if result.dtype.kind == "f"]
            assert all(np.isnan(result).all() for result in floats), key


@each
def test_what_is_no_number_is_refused_by_name(name: str) -> None:
    names, call = FUNCTIONS[name]
    columns = options(3)
    for key in names:
        for wrong in (None, "100", np.array(["a", "b", "c"]), np.array([1j, 2j, 3j]), object()):
            with pytest.raises(InputError, match=key):
                call({**columns, key: wrong})


@each
def test_large_inputs_equal_small_ones(name: str) -> None:
    """Threads, and pieces of rows, change nothing."""
    _, call = FUNCTIONS[name]
    columns = options(100_003)
    whole = call(columns)
    for first in (0, 16_384, 50_000, 99_000):
        rows = slice(first, first + 1003)
        assert_same(call({key: values[rows] for key, values in columns.items()}), [result[rows] for result in whole])


def test_ten_million_rows() -> None:
    strike = np.linspace(50.0, 150.0, 10_000_000)
    values = price(
        spot=100.0, strike=strike, years=0.5, rate=0.04, dividend_yield=0.04, volatility=0.3, is_call=strike > 100
    )
    solved = implied_volatility(price=values, forward=100.0, strike=strike, years=0.5, rate=0.04, is_call=strike > 100)
    assert values.shape == solved.volatility.shape == (10_000_000,)
    assert not solved.reason.any()
    assert np.max(np.abs(solved.volatility - 0.3)) < 1e-11


class TestMemoryForResults:
    KNOWN: Any = {  # noqa: RUF012
        "spot": np.linspace(90.0, 110.0, 12).reshape(3, 4),
        "strike": 100.0,
        "years": 0.5,
        "rate": 0.03,
        "dividend_yield": 0.01,
        "volatility": 0.2,
        "is_call": True,
    }

    @pytest.mark.parametrize(("function", "count"), [(greeks, 6), (all_greeks, 9)])
    def test_results_are_views_of_the_memory_given(self, function: Any, count: int) -> None:
        out = np.full((count, 3, 4), -1.0)
        given, fresh = function(**self.KNOWN, out=out), function(**self.KNOWN)
        for row, field in enumerate(dataclasses.fields(fresh)):
            values = getattr(given, field.name)
            assert np.shares_memory(values, out[row])
            np.testing.assert_array_equal(values, getattr(fresh, field.name))

    @pytest.mark.parametrize(
        "out",
        [
            np.empty((6, 12)),
            np.empty((5, 3, 4)),
            np.empty((6, 3, 4), dtype=np.float32),
            np.empty((6, 4, 3)).transpose(0, 2, 1),
            np.broadcast_to(np.zeros(1), (6, 3, 4)),
            [[0.0] * 12] * 6,
        ],
        ids=["flat", "too few rows", "single precision", "transposed", "read-only", "list"],
    )
    def test_memory_of_another_form_is_refused(self, out: Any) -> None:
        with pytest.raises(InputError, match=r"\(6, 3, 4\)"):
            greeks(**self.KNOWN, out=out)
