"""The commands around keys of the REST API."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from app.settings import Settings

if TYPE_CHECKING:
    from app.services.api_keys import ApiKeyService

_SCOPES = ("viewer", "trader", "admin")


def add_parser(parser: argparse.ArgumentParser) -> None:
    """`create NAME --scope SCOPE`, `list`, `revoke NAME`."""
    action = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = action.add_parser("create", help="make a key and show it once")
    create.add_argument("name", metavar="NAME", help="what you will know it by")
    create.add_argument("--scope", choices=_SCOPES, default="viewer", help="viewer reads, trader also syncs")
    action.add_parser("list", help="names and scopes; the keys themselves are kept nowhere")
    revoke = action.add_parser("revoke", help="make a key useless, within half a minute")
    revoke.add_argument("name", metavar="NAME")


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Needs the database up: the running program's, or the one of DATABASE_URL."""
    from app.bootstrap import build

    services = build(settings)
    try:
        return _run(services.api_keys, options)
    finally:
        services.close()


def _run(keys: ApiKeyService, options: argparse.Namespace) -> int:
    from app.services.api_keys import ApiScope

    match options.action:
        case "create":
            key = keys.create(options.name, ApiScope[options.scope.upper()])
            print(f"{key}\nSend it as the header X-API-Key. It is shown only now and kept nowhere.")
            return 0
        case "revoke":
            known = keys.revoke(options.name)
            print(f"The key {options.name} opens nothing any more." if known else f"No key is named {options.name}.")
            return 0 if known else 1
        case _:
            for one in keys.every():
                print(f"{one.name}  {one.scope}  made {one.created_at:%Y-%m-%d %H:%M} UTC")
            return 0
