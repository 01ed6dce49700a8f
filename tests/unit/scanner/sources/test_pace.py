from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from scanner.errors import InputError
from scanner.sources.pace import Pace


class Time:
    """A clock that sleeping moves on."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_the_first_call_does_not_wait_and_the_next_do() -> None:
    time = Time()
    pace = Pace(4.0, monotonic=time.monotonic, sleep=time.sleep)
    assert [pace.wait() for _ in range(3)] == pytest.approx([0.0, 0.25, 0.25])


def test_a_pause_earns_no_burst() -> None:
    time = Time()
    pace = Pace(4.0, monotonic=time.monotonic, sleep=time.sleep)
    pace.wait()
    time.now += 60.0
    assert [pace.wait() for _ in range(2)] == pytest.approx([0.0, 0.25])


def test_threads_share_one_pace() -> None:
    waited: list[float] = []
    pace = Pace(10.0, monotonic=lambda: 0.0, sleep=waited.append)
    with ThreadPoolExecutor(8) as pool:
        turns = list(pool.map(lambda _: pace.wait(), range(16)))
    assert sorted(turns) == pytest.approx([number / 10.0 for number in range(16)])
    assert len(waited) == 15


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_a_rate_must_be_positive(rate: float) -> None:
    with pytest.raises(InputError, match="positive"):
        Pace(rate)
