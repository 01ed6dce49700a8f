"""`python -m app.cli login schwab`: the real command and schwab-py against a fake Schwab."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from app.bootstrap import build
from app.settings import ENV_FILE_VARIABLE, PROJECT_FOLDER, load_settings
from scanner.model import Mode
from scanner.sources.schwab import TOKEN, session_ends_at
from tests.integration.sources.schwab_chains import answers
from tests.vendors.internet import FakeInternet
from tests.vendors.schwab import APP_KEY, APP_SECRET, CALLBACK, CODE, SchwabServer


@pytest.fixture
def variables(database_dsn: str, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "SCANNER_MODE": "simulated",
        "SCANNER_DATA_DIR": str(tmp_path),
        "DATABASE_URL": database_dsn,
        ENV_FILE_VARIABLE: os.devnull,
    }


def start(variables: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", "login", "schwab"],
        cwd=PROJECT_FOLDER,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_log_in_over_a_pipe_keeps_the_token(variables: dict[str, str], database_dsn: str, tmp_path: Path) -> None:
    app = {
        "SCANNER_SCHWAB_APP_KEY": APP_KEY,
        "SCANNER_SCHWAB_APP_SECRET": APP_SECRET,
        "SCANNER_SCHWAB_CALLBACK_URL": CALLBACK,
    }
    with (
        FakeInternet(SchwabServer(answers("AAPL")).servers) as internet,
        start({**variables, **internet.environment, **app}) as process,
    ):
        assert process.stdout is not None
        shown = ""
        while not re.search(r"^https://\S+$", shown, flags=re.MULTILINE):
            shown += process.stdout.readline()
        found = re.search(r"^https://\S+$", shown, flags=re.MULTILINE)
        assert found is not None
        (state,) = parse_qs(urlsplit(found[0]).query)["state"]
        output, errors = process.communicate(
            f"{CALLBACK}/?code={quote(CODE, safe='')}&session=1&state={state}\n", timeout=60
        )
    assert (process.returncode, errors) == (0, "")
    assert "Logged in for seven days" in output
    assert APP_SECRET not in shown + output
    services = build(load_settings(mode=Mode.SIMULATED, DATABASE_URL=database_dsn, data_dir=tmp_path))
    try:
        assert services.vault.get(TOKEN)
        assert session_ends_at(services.vault) is not None
    finally:
        services.close()


def test_without_an_app_it_says_what_is_needed(variables: dict[str, str]) -> None:
    with start(variables) as process:
        output, errors = process.communicate("", timeout=60)
    assert process.returncode == 1
    assert "secrets set SCANNER_SCHWAB_APP_KEY" in errors
    assert "Traceback" not in output + errors
