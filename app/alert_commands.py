"""The commands around alerts."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from app.settings import Settings

if TYPE_CHECKING:
    from app.services.alerts import AlertService


def add_parser(parser: argparse.ArgumentParser) -> None:
    """`test`, `list`."""
    action = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    action.add_parser("test", help="send a test message to every target")
    action.add_parser("list", help="the latest alerts and what became of them")


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Needs the database up: the running program's, or the one of DATABASE_URL."""
    from app.bootstrap import build

    services = build(settings)
    try:
        return _test(services.alerts) if options.action == "test" else _list(services.alerts)
    finally:
        services.close()


def _test(alerts: AlertService) -> int:
    done = alerts.test()
    for one in done:
        print(f"{one.kind}: {one.error or 'sent'}")
    return 1 if any(one.error for one in done) else 0


def _list(alerts: AlertService) -> int:
    for one in alerts.latest(limit=20):
        became = f"{one.state} {one.targets}".strip() + (f" ({one.error})" if one.error else "")
        print(f"{one.first_seen:%Y-%m-%d %H:%M} UTC  {one.title}  {became}")
    return 0
