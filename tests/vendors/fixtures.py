"""Fixtures that put the test process itself behind the fake internet. A conftest that wants them imports them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.vendors.internet import FakeInternet
from tests.vendors.messages import Server

EnterInternet = Callable[[dict[str, Server]], FakeInternet]


@pytest.fixture
def enter_internet(monkeypatch: pytest.MonkeyPatch) -> Iterator[EnterInternet]:
    """A function that starts a fake internet with these servers and sends this process through it.

    curl and requests read the environment when a session is made: make clients afterwards.
    """
    with ExitStack() as stack:

        def enter(servers: dict[str, Server]) -> FakeInternet:
            internet = stack.enter_context(FakeInternet(servers))
            for name, value in internet.environment.items():
                monkeypatch.setenv(name, value)
            return internet

        yield enter
