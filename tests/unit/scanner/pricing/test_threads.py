from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from scanner.pricing import threads
from scanner.pricing.black_scholes import price
from scanner.pricing.threads import PIECE, fill


@pytest.mark.parametrize("rows", [0, 1, PIECE - 1, PIECE, PIECE + 1, 7 * PIECE + 3])
@pytest.mark.parametrize("least_rows", [0, 10**9])
def test_every_row_is_worked_once(rows: int, least_rows: int) -> None:
    worked = np.zeros(rows, dtype=np.int64)

    def kernel(first: int, last: int) -> None:
        worked[first:last] += 1

    fill(kernel, rows, least_rows=least_rows)
    assert worked.tolist() == [1] * rows


def test_small_work_stays_on_the_calling_thread() -> None:
    seen: list[tuple[int, int, int]] = []
    fill(lambda first, last: seen.append((threading.get_ident(), first, last)), 5 * PIECE, least_rows=6 * PIECE)
    assert seen == [(threading.get_ident(), 0, 5 * PIECE)]


@pytest.mark.skipif(threads.processors() < 2, reason="needs a second processor")
def test_large_work_is_shared() -> None:
    both_at_work = threading.Barrier(2, timeout=20)
    first_two: list[int] = []

    def kernel(first: int, last: int) -> None:
        if first < 2 * PIECE:
            first_two.append(threading.get_ident())
            both_at_work.wait()

    fill(kernel, 4 * PIECE, least_rows=0)
    assert len(set(first_two)) == 2


def test_what_a_kernel_raises_reaches_the_caller() -> None:
    def kernel(first: int, last: int) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fill(kernel, 4 * PIECE, least_rows=0)


def test_more_callers_than_helpers_do_not_wait_for_one_another() -> None:
    """All callers are inside at once, more than the pool has threads: none of them may need a helper to finish."""
    callers = 8
    inside = threading.Barrier(callers, timeout=20)

    def call() -> int:
        entered = threading.Event()
        total = np.zeros(1, dtype=np.int64)
        lock = threading.Lock()
        own = threading.get_ident()

        def kernel(first: int, last: int) -> None:
            if threading.get_ident() == own and not entered.is_set():
                entered.set()
                inside.wait()
            with lock:
                total[0] += last - first

        fill(kernel, 3 * PIECE + 1, least_rows=0)
        return int(total[0])

    with ThreadPoolExecutor(callers) as pool:
        totals = [pool.submit(call) for _ in range(callers)]
        assert [future.result(timeout=60) for future in totals] == [3 * PIECE + 1] * callers


def test_prices_from_many_threads_at_once_are_those_of_one() -> None:
    strike = np.linspace(50, 150, 6 * PIECE)
    known = {"spot": 100.0, "years": 0.5, "rate": 0.04, "dividend_yield": 0.01, "volatility": 0.3, "is_call": True}
    alone = price(strike=strike, **known)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: price(strike=strike, **known), range(40)))
    assert all(np.array_equal(result, alone) for result in results)


def _large_price(_: int) -> float:
    strike = np.linspace(50, 150, 6 * PIECE)
    return float(
        price(spot=100.0, strike=strike, years=0.5, rate=0.04, dividend_yield=0.01, volatility=0.3, is_call=True).sum()
    )


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_helpers_of_its_own() -> None:
    expected = _large_price(0)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(_large_price, range(4)).get(timeout=60) == [expected] * 4
