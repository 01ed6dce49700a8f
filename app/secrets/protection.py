"""Keeps the secrets of the settings out of what a process writes, and looks at who may read them."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import structlog

from app import log
from app.secrets.key_file import others_may_use, protecting_command
from app.settings import Settings, environment_file, in_environment, secrets_of

logger = structlog.get_logger(__name__)


def protect(settings: Settings) -> None:
    """Hide every secret of the settings in logs and output; warn of a file of settings with secrets others can read.

    To be called once a process knows its settings and its log is configured.
    """
    values = secrets_of(settings)
    log.hide(*values.values(), *_passwords(values.get("DATABASE_URL", "")))
    file = environment_file()
    in_file = [name for name in values if not in_environment(name)]
    if in_file and file.is_file() and others_may_use(file):
        logger.warning(
            "others can read the file of settings, which holds secrets",
            names=", ".join(in_file),
            remedy=protecting_command(file),
        )


def _passwords(address: str) -> tuple[str, ...]:
    """The password of a database address as it stands there and decoded. One that is also the user's name is none."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ()
    if not parts.password or parts.password == parts.username:
        return ()
    return parts.password, unquote(parts.password)
