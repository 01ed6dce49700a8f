from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from app.settings import PROJECT_FOLDER


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to one process")
def test_ctrl_c_while_the_program_still_loads_leaves_no_traceback() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "app.cli", "status"]
    with subprocess.Popen(command, cwd=PROJECT_FOLDER, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "pydantic" in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        process.wait()
    assert process.returncode in (-signal.SIGINT, 130)
    assert "Traceback" not in rest
