"""A second process for the tests: starts the server of a directory, prints what it got, stops when its input ends.

Usage: python -m tests.integration.db.owner DIRECTORY
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from db.embedded import EmbeddedServer


def main(directory: Path) -> None:
    server = EmbeddedServer(directory)
    server.start()
    print(json.dumps({"owner": server.is_owner, "dsn": server.dsn("postgres")}), flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
