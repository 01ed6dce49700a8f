"""No secret in anything a full run writes: terminal, logs, processes, every table, exported file, pages.

The program runs live behind the fake internet with planted credentials, and the vendor quotes them all in its failures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import streamlit as st
from psycopg import sql
from streamlit.testing.v1 import AppTest

from app import log
from app.bootstrap import build
from app.secrets import Key
from app.services.export import premiums_export
from app.settings import ENV_FILE_VARIABLE, load_settings
from app.ui import runtime
from db.embedded.place import existing_cluster
from scanner.model import Mode, PremiumFilters
from tests.acceptance.program import ROOT, Program, free_port
from tests.acceptance.test_live import UNHURRIED, market
from tests.patience import PATIENCE_SECONDS, wait_for
from tests.vendors.faults import json_answer
from tests.vendors.internet import FakeInternet
from tests.vendors.yahoo import YahooServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds the program's processes in /proc"),
]

IN_ENVIRONMENT = {
    "SCANNER_ROBINHOOD_USERNAME": "planted.user@example.com",
    "SCANNER_ROBINHOOD_PASSWORD": "planted pass/w0rd&'quoted'",
    "SCANNER_ROBINHOOD_MFA_SECRET": "PLANTEDTOTPSECRET234",
    "SCANNER_SECRET_KEY": Key.generate().text,
}
IN_FILE = {"SCANNER_POLYGON_API_KEY": "planted_polygon_key_Z9", "SCANNER_SCHWAB_APP_KEY": "plantedSchwabAppKey7"}
IN_STORE = {"SCANNER_SCHWAB_APP_SECRET": "planted-schwab-secret+5/="}
PLANTED = tuple({**IN_ENVIRONMENT, **IN_FILE, **IN_STORE}.values())
ECHO = f"no access with {' or '.join(PLANTED)}; GET /x?{'&'.join(f'q={quote_plus(value)}' for value in PLANTED)}"
PAGES = ("pages/home.py", "pages/premium_scanner.py", "pages/database_scan.py")


@dataclass
class Run:
    """The running program, what its commands printed, and the password of its embedded database."""

    program: Program
    output: Path
    printed: list[str]

    def command(self, *arguments: str, typed: str = "") -> str:
        result = subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            cwd=ROOT,
            env=self.program.environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        self.printed.append(result.stdout + result.stderr)
        return self.printed[-1]

    @property
    def secrets(self) -> tuple[str, ...]:
        cluster = existing_cluster(self.program.folder)
        assert cluster is not None
        return (*PLANTED, str(json.loads((cluster / "scanner.json").read_text())["password"]))


def found(secrets: Sequence[str], text: str) -> list[str]:
    """The secrets a text holds in any writing."""
    writings: tuple[Callable[[str], str], ...] = (str, quote, quote_plus, lambda value: quote(value, safe=""), repr)
    return [secret for secret in secrets if any(write(secret).strip("'\"") in text for write in writings)]


@pytest.fixture(scope="module")
def run(public_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A first sync of everything, in which one symbol fails quoting every secret; commands beside it."""
    folder = tmp_path_factory.mktemp("secrets")
    file = folder / "settings.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in IN_FILE.items()))
    with ExitStack() as stack:
        internet = stack.enter_context(FakeInternet(YahooServer(market()).servers))
        refusal = {"optionChain": {"result": [], "error": {"code": "Unauthorized", "description": ECHO}}}
        internet.faults.add(json_answer("/v7/finance/options/KO", refusal))
        variables = {**UNHURRIED, **IN_ENVIRONMENT, **internet.environment, "SCANNER_LOG_LEVEL": "DEBUG"}
        program = Program(
            public_directory / "secrets", free_port(), Mode.LIVE, {**variables, ENV_FILE_VARIABLE: str(file)}
        )
        run = Run(program, folder / "output.txt", [])
        run.command("migrate")
        for name, value in IN_STORE.items():
            run.command("secrets", "set", name, typed=value)
        with program.running("run", output=run.output) as process:
            wait_for(lambda: "To retry" in run.output.read_text(), what="the end of the first sync")
            run.command("sync", "KO")
            run.command("status")
            run.command("secrets", "list")
            run.command("secrets", "set", "SCANNER_POLYGON_API_KEY", IN_FILE["SCANNER_POLYGON_API_KEY"])
            yield run
            process.terminate()
            assert process.wait(PATIENCE_SECONDS) == 0
        assert set(internet.refused) <= {"api.robinhood.com", "api.polygon.io", "api.schwabapi.com"}


def rows_of_every_table(program: Program) -> dict[str, str]:
    with program.database() as database, database.connection() as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        texts = {}
        for (table,) in tables:
            query = sql.SQL("select coalesce(string_agg(one::text, chr(10)), '') from {} as one").format(
                sql.Identifier(table)
            )
            row = connection.execute(query).fetchone()
            assert row is not None
            texts[table] = str(row[0])
    return texts


def test_what_the_terminal_and_the_logs_show(run: Run) -> None:
    logs = {path.name: path.read_text() for path in (run.program.folder / "logs").iterdir()}
    cluster = existing_cluster(run.program.folder)
    assert cluster is not None
    texts = {"run": run.output.read_text(), **logs, "server.log": (cluster / "server.log").read_text()}
    assert {"dashboard.log", "worker-1.log"} <= texts.keys()
    assert "no access with *** or ***" in texts["run"]
    assert "others can read the file of settings" in texts["worker-1.log"]
    assert {name: found(run.secrets, text) for name, text in texts.items() if found(run.secrets, text)} == {}
    assert [found(run.secrets, text) for text in run.printed] == [[]] * len(run.printed)
    assert "SCANNER_SCHWAB_APP_SECRET     store" in "\n".join(run.printed)


def test_what_every_table_holds(run: Run) -> None:
    tables = rows_of_every_table(run.program)
    assert "no access with *** or ***" in tables["scan_run_symbols"]
    assert "SCANNER_SCHWAB_APP_SECRET" in tables["secrets"]
    assert {name: found(run.secrets, text) for name, text in tables.items() if found(run.secrets, text)} == {}


def test_what_other_users_see_of_the_processes(run: Run) -> None:
    lines = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                lines.append((folder / "cmdline").read_bytes().decode(errors="replace"))
            except OSError:
                continue  # it ended meanwhile
    assert any("app.cli" in line for line in lines)
    assert found(run.secrets, "\n".join(lines)) == []


@pytest.fixture
def own_process(run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process with the program's settings, knowing no secret yet."""
    monkeypatch.setattr(log, "_hidden", ())
    for name, value in run.program.environment.items():
        if name.startswith("SCANNER_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("SCANNER_SUPERVISOR_PID", "1")
    runtime.current.clear()
    st.cache_data.clear()
    yield
    runtime.services().close()
    runtime.current.clear()
    st.cache_data.clear()


@pytest.mark.usefixtures("own_process")
def test_what_pages_and_exported_files_show(run: Run) -> None:
    app = AppTest.from_file(ROOT / "Home.py", default_timeout=60).run()
    shown = []
    for page in PAGES:
        app.switch_page(page).run()
        assert not app.exception
        shown += [str(app), *(frame.value.to_csv() for frame in app.dataframe)]
    assert any("no access with *** or ***" in text for text in shown)
    services = build(load_settings())
    result = services.premiums.scan(services.stocks.symbols(), PremiumFilters())
    shown += [premiums_export(result, mode=services.mode).csv(), repr(services.credentials), repr(services.settings)]
    services.close()
    assert result.shown > 0
    assert [found(run.secrets, text) for text in shown] == [[]] * len(shown)


def test_the_search_finds_what_it_looks_for() -> None:
    for secret in PLANTED:
        for text in (secret, quote(secret), quote_plus(secret), repr({"a": secret})):
            assert found(PLANTED, f"<{text}>") == [secret]
