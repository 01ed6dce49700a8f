"""What goes wrong, for which requests, and when."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from enum import StrEnum

from tests.vendors.messages import Response, html_response, json_response, text_response


class Kind(StrEnum):
    ANSWER = "answer"
    """Answer with something else."""
    SLOW = "slow"
    """Wait before the true answer."""
    CUT_BODY = "cut_body"
    """Half of the true body, announced as the whole."""
    CUT_TRANSFER = "cut_transfer"
    """Half of the announced body, then the connection closes."""
    DROP = "drop"
    """The connection closes without an answer."""
    UNREACHABLE = "unreachable"
    """The proxy cannot connect to the host. The pattern is searched in the host's name."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the requests matching `pattern` (a regular expression searched in `METHOD host/path?query`).

    It fires from the `first` match on, `times` times; None is for ever.
    """

    pattern: str
    kind: Kind
    first: int = 1
    times: int | None = None
    answer: Response = field(default_factory=Response)
    seconds: float = 0.0

    def fires(self, match_number: int) -> bool:
        return match_number >= self.first and (self.times is None or match_number < self.first + self.times)


def rate_limited(pattern: str, retry_after: str | None = None, *, first: int = 1, times: int | None = None) -> Fault:
    headers = (("Retry-After", retry_after),) if retry_after is not None else ()
    answer = text_response("Edge: Too Many Requests", 429, *headers)
    return Fault(pattern, Kind.ANSWER, first, times, answer)


def server_error(pattern: str, status: int = 500, *, first: int = 1, times: int | None = None) -> Fault:
    return Fault(pattern, Kind.ANSWER, first, times, text_response("Internal Server Error", status))


def html_page(pattern: str, *, first: int = 1, times: int | None = None) -> Fault:
    page = html_response("<!DOCTYPE html><html lang='en'><body>Will be right back</body></html>")
    return Fault(pattern, Kind.ANSWER, first, times, page)


def plain_text(pattern: str, text: str, *, first: int = 1, times: int | None = None) -> Fault:
    return Fault(pattern, Kind.ANSWER, first, times, text_response(text))


def json_answer(pattern: str, value: object, status: int = 200, *, first: int = 1, times: int | None = None) -> Fault:
    return Fault(pattern, Kind.ANSWER, first, times, json_response(value, status))


def cut_json(pattern: str, *, first: int = 1, times: int | None = None) -> Fault:
    return Fault(pattern, Kind.CUT_BODY, first, times)


def cut_transfer(pattern: str, *, first: int = 1, times: int | None = None) -> Fault:
    return Fault(pattern, Kind.CUT_TRANSFER, first, times)


def slow(pattern: str, seconds: float, *, first: int = 1, times: int | None = None) -> Fault:
    return Fault(pattern, Kind.SLOW, first, times, seconds=seconds)


def dropped(pattern: str, *, first: int = 1, times: int | None = None) -> Fault:
    return Fault(pattern, Kind.DROP, first, times)


def unreachable(host_pattern: str = "", *, first: int = 1, times: int | None = None) -> Fault:
    return Fault(host_pattern, Kind.UNREACHABLE, first, times)


class FaultPlan:
    """The faults in force. May be changed while clients run."""

    def __init__(self, *faults: Fault) -> None:
        self._lock = threading.Lock()
        self._faults: list[tuple[Fault, re.Pattern[str]]] = []
        self._matches: list[int] = []
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append((fault, re.compile(fault.pattern)))
            self._matches.append(0)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()
            self._matches.clear()

    def pick(self, subject: str, *, connecting: bool = False) -> Fault | None:
        """Count `subject` for every fault it matches; the first that fires, if any.

        While connecting, only UNREACHABLE faults are asked; afterwards only the others.
        """
        picked: Fault | None = None
        with self._lock:
            for index, (fault, pattern) in enumerate(self._faults):
                if (fault.kind is Kind.UNREACHABLE) is connecting and pattern.search(subject):
                    self._matches[index] += 1
                    if picked is None and fault.fires(self._matches[index]):
                        picked = fault
        return picked
