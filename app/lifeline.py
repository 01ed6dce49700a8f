"""A child process that ends with its parent, however the parent ends.

The parent holds the write end of the child's standard input and never writes. End of file there means: the parent
asked us to stop, or is gone (kill -9 included). It works on every system and needs no polling.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable


def on_parent_gone(stop: Callable[[], None]) -> threading.Thread:
    """Call `stop` once, from a thread of its own, when the parent lets go of our standard input."""
    descriptor = sys.stdin.fileno()

    def wait() -> None:
        # Not through sys.stdin: a thread inside its buffer makes the interpreter abort at the end.
        while os.read(descriptor, 4096):
            pass
        stop()

    thread = threading.Thread(target=wait, name="lifeline", daemon=True)
    thread.start()
    return thread
