"""Load a dump of an older PostgreSQL into a new embedded database: `python -m db.embedded DIRECTORY DUMP`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from db.embedded.major_version import load_dump
from db.embedded.place import find_place
from db.embedded.server import EmbeddedServer
from scanner.errors import DatabaseError


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m db.embedded", description=__doc__)
    parser.add_argument("directory", type=Path, help="the program's data directory")
    parser.add_argument("dump", type=Path, help="the file pg_dumpall wrote")
    chosen = parser.parse_args(arguments)
    server = EmbeddedServer(chosen.directory)
    try:
        server.start()
        load_dump(find_place(chosen.directory, use_fallback=True), chosen.dump)
    except DatabaseError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        server.stop()
    print(f"The data of {chosen.dump} is in {chosen.directory}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
