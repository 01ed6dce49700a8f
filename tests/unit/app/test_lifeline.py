from __future__ import annotations

import subprocess
import sys

from tests.patience import PATIENCE_SECONDS

CHILD = "import time\nfrom app.lifeline import on_parent_gone\nimport os\non_parent_gone(lambda: os._exit(7))\n"


def test_end_of_input_means_the_parent_is_gone() -> None:
    code = CHILD + "print('up', flush=True)\ntime.sleep(60)\n"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"up"
        assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=PATIENCE_SECONDS) == 7


def test_the_child_of_a_killed_parent_ends() -> None:
    child = CHILD + "time.sleep(60)\n"
    parent = (
        "import subprocess, sys, time\n"
        f"p = subprocess.Popen([sys.executable, '-c', {child!r}], stdin=subprocess.PIPE)\n"
        "print(p.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    # The grandchild inherits our pipe as its standard output: end of file there means that it has ended too.
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
        remaining, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert remaining == b""


def test_a_child_with_a_living_parent_ends_by_itself_in_order() -> None:
    code = CHILD + "time.sleep(0.2)\n"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.wait(timeout=PATIENCE_SECONDS) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
