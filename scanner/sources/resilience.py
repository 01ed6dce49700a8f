"""What stands between a source and its vendor: whose turn it is, what is tried again, when a vendor is left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

Answer = TypeVar("Answer")


class Gate(Protocol):
    """The way every call of one source to its vendor takes. Shared by all threads of the source.

    `call` waits for the source's turn, sends, and may send again where the error is one that passes by itself; time
    spent waiting does not count towards the time limit of a call. `turn` is for a request a vendor's client makes on
    its own inside such a call (a cookie, a token).
    """

    def call(self, send: Callable[[], Answer], *, symbol: str | None) -> Answer:
        """The answer of `send`, or the `SourceError` it raised last. `send` must be safe to repeat."""
        ...

    def turn(self) -> float:
        """Wait until one more request may leave. Returns the seconds waited."""
        ...


class OpenGate:
    """Lets every call through at once, once: for sources without a vendor behind them, and for tests."""

    def call(self, send: Callable[[], Answer], *, symbol: str | None) -> Answer:  # noqa: ARG002 the protocol's
        return send()

    def turn(self) -> float:
        return 0.0
