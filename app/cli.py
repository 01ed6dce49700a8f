"""The commands of `python -m app.cli`; `--help` lists them."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence

if __name__ == "__main__":
    # While the modules below load, a second or two, Ctrl-C ends the process at once and without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from app import alert_commands, commands, key_commands, log, secret_commands
from app.secrets.protection import protect
from app.settings import Settings, load_settings
from scanner.errors import ScannerError
from scanner.model import Mode

_QUIET = frozenset(
    {"demo", "run", "sync", "backfill-flow", "migrate", "status", "api-keys", "alerts", "secrets", "login"}
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status. A failure is one paragraph on stderr, never a traceback."""
    options = _parser().parse_args(arguments)
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        settings = _settings(options)
        log.guard_output()
        log.configure("WARNING" if options.command in _QUIET else settings.log_level, service=options.command)
        protect(settings)
        return _run(options, settings)
    except ScannerError as error:
        print(f"\n{commands.explain(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(options: argparse.Namespace, settings: Settings) -> int:
    match options.command:
        case "demo" | "run":
            return commands.serve(settings, stop=_stop_on_signals())
        case "supervise":
            return commands.supervise(settings, stop=_stop_on_signals())
        case "dashboard":
            _tell_the_dashboard(settings)
            return commands.dashboard(settings, lifeline=options.lifeline)
        case "worker":
            return commands.worker(settings, lifeline=options.lifeline)
        case "api":
            _tell_the_dashboard(settings)
            return commands.api(settings, lifeline=options.lifeline)
        case "login":
            return secret_commands.login_schwab(settings)
        case "api-keys":
            return key_commands.run(settings, options)
        case "alerts":
            return alert_commands.run(settings, options)
        case "sync":
            return commands.sync(settings, options.symbols, stop=_stop_on_signals())
        case "backfill-flow":
            return commands.backfill_flow(settings, options.sessions, stop=_stop_on_signals())
        case "migrate":
            return commands.migrate(settings)
        case "secrets":
            return _secrets(options, settings)
        case _:
            return commands.status(settings)


def _secrets(options: argparse.Namespace, settings: Settings) -> int:
    match options.action:
        case "set":
            return secret_commands.set_secret(settings, options.name, on_command_line=bool(options.value))
        case "delete":
            return secret_commands.delete(settings, options.name)
        case "rotate-key":
            return secret_commands.rotate_key(settings)
        case _:
            return secret_commands.show_list(settings)


def _settings(options: argparse.Namespace) -> Settings:
    if options.command == "demo":
        return load_settings(mode=Mode.SIMULATED)
    return load_settings(mode=Mode(options.mode)) if options.mode else load_settings()


def _tell_the_dashboard(settings: Settings) -> None:
    """Pages and API processes read their settings from the environment: pass on what the command line decided."""
    os.environ["SCANNER_MODE"] = settings.mode.value
    os.environ["SCANNER_SUPERVISOR_PID"] = str(os.getppid())


def _stop_on_signals() -> threading.Event:
    """An event that Ctrl-C and SIGTERM set; a second one changes nothing, everything is being stopped already."""
    stop = threading.Event()
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    for number in {getattr(signal, name) for name in names if hasattr(signal, name)}:
        signal.signal(number, lambda *_: stop.set())
    return stop


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app.cli", description="Options scanner")
    parser.set_defaults(mode=None, lifeline=False)
    command = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    command.add_parser("demo", help="simulated market, offline: dashboard, workers, REST API, database")
    _with_mode(command.add_parser("run", help="live market data: dashboard, workers, REST API, database"))
    _with_mode(command.add_parser("worker", help="one more worker process"))
    sync = _with_mode(command.add_parser("sync", help="fetch now, with progress; Ctrl-C leaves the run resumable"))
    sync.add_argument("symbols", nargs="*", metavar="SYMBOL", help="the symbols to fetch; none: all stocks")
    backfill = _with_mode(
        command.add_parser("backfill-flow", help="flow scans of past sessions; simulated market only")
    )
    backfill.add_argument("--sessions", type=int, default=30, metavar="N", help="how many sessions back; default 30")
    _with_mode(command.add_parser("api", help="the REST API, beside a running program or on any machine"))
    key_commands.add_parser(_with_mode(command.add_parser("api-keys", help="make, list and revoke keys of the API")))
    alert_commands.add_parser(_with_mode(command.add_parser("alerts", help="send a test message, list what was told")))
    _with_mode(command.add_parser("migrate", help="create or upgrade the database's tables"))
    _with_mode(command.add_parser("status", help="database, workers, runs, age of the data"))
    _secrets_parser(
        command.add_parser("secrets", help="passwords and keys of the vendors: set, list, delete, rotate-key")
    )
    login = _with_mode(command.add_parser("login", help="log in where a browser is needed, every seven days: schwab"))
    login.add_argument("vendor", choices=["schwab"], metavar="VENDOR")
    supervise = _with_mode(command.add_parser("supervise", help="internal: database and workers of `streamlit run`"))
    supervise.add_argument("--parent", type=int, help="the process this belongs to, for process listings")
    _with_mode(command.add_parser("dashboard", help="internal: the dashboard alone"))
    return parser


def _secrets_parser(parser: argparse.ArgumentParser) -> None:
    action = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    store = _with_mode(action.add_parser("set", help="store a value, typed without echo or piped to standard input"))
    store.add_argument("name", metavar="NAME", help="the variable of the setting, as SCANNER_POLYGON_API_KEY")
    store.add_argument("value", nargs="*", help=argparse.SUPPRESS)
    _with_mode(action.add_parser("list", help="what is set and where, never its value"))
    delete = _with_mode(action.add_parser("delete", help="remove a stored value"))
    delete.add_argument("name", metavar="NAME")
    _with_mode(action.add_parser("rotate-key", help="encrypt everything with a new key"))


def _with_mode(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--mode", choices=[mode.value for mode in Mode], help="default: SCANNER_MODE, else live")
    parser.add_argument("--lifeline", action="store_true", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
