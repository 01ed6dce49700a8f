"""A sync from the terminal uses the running program, or is one for as long as it takes."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from app.supervisor import Plan, Say, supervised


class StandBy:
    """The supervisor of a plan as soon as there is no other: at once, or when that one ends. Works in a thread.

    So whoever works while this is entered has database and workers, whether the running program ends or not.
    """

    def __init__(self, plan: Plan, *, say: Say) -> None:
        self._plan = plan
        self._say = say
        self._done = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="stand-by")
        self._work: Future[None] | None = None

    def __enter__(self) -> Self:
        self._work = self._thread.submit(self._stand_by)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.shutdown()
        if error is None:
            self.check()

    def check(self) -> None:
        """Raise what ended the work of the thread, where something did."""
        if self._work and self._work.done():
            self._work.result()

    def _stand_by(self) -> None:
        with supervised(self._plan, say=self._say, stop=self._done, wait=True) as supervisor:
            if supervisor:
                supervisor.start_workers()
                self._done.wait()
