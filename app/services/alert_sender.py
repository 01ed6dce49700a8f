"""Sends messages to wherever apprise can: Discord, Telegram, e-mail and a hundred more."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import apprise

from scanner.errors import InputError

_LEAST_SECRET: Final = 10
"""Characters; what is shorter stands in too many words."""

TIMEOUT_SECONDS: Final = 20.0
"""For one message to one target, retries of the library included."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message at one target. `kind` is its service, as Discord; `error` None: it was taken."""

    kind: str
    error: str | None


class AlertSender:
    """`addresses` are apprise's URLs; they hold secrets and are never shown. Raises InputError for one that is none.

    `redact` takes secrets out of what a target answered.
    """

    def __init__(self, addresses: Sequence[str], *, redact: Callable[[str], str]) -> None:
        logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its messages quote addresses
        self._redact = redact
        self._targets = [_target(address, number) for number, address in enumerate(addresses, start=1)]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The service of each target."""
        return tuple(str(target.service_name) for target in self._targets)

    def send(self, title: str, body: str) -> tuple[Delivery, ...]:
        """Send to every target, each with its time-out; one that fails keeps none of the others from it."""
        return tuple(self._send(target, title, body) for target in self._targets)

    def _send(self, target: apprise.NotifyBase, title: str, body: str) -> Delivery:
        kind = str(target.service_name)
        one = apprise.Apprise()
        one.add(target)
        try:
            with apprise.LogCapture(level=logging.WARNING) as said:  # type: ignore[no-untyped-call]
                done = bool(one.notify(body=body, title=title, timeout=TIMEOUT_SECONDS))
                words = said.getvalue()
        except Exception as error:  # noqa: BLE001 a plugin's own fault must not keep other targets from the message
            return Delivery(kind, self._redact(f"{type(error).__name__}: {error}")[:500])
        return Delivery(kind, None if done else self._redact(_last_line(words))[:500])


def addresses_of(text: str | None) -> tuple[str, ...]:
    """The addresses in a setting, separated by spaces or line ends."""
    return tuple((text or "").split())


def parts_of(address: str) -> tuple[str, ...]:
    """What of an address may be a secret by itself: a token in its path, a password before its host."""
    return tuple(part for part in re.split(r"[/:@?&=#]+", address) if len(part) >= _LEAST_SECRET)


def _target(address: str, number: int) -> apprise.NotifyBase:
    target = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    if not isinstance(target, apprise.NotifyBase):
        raise InputError(
            f"address {number} in SCANNER_ALERT_URLS is none that apprise knows. It begins as in discord://, tgram:// "
            "or mailto://; the address itself is not shown, as it may hold a secret"
        )
    return target


def _last_line(said: str) -> str:
    lines: Iterable[str] = (line.strip() for line in reversed(said.splitlines()))
    return next(filter(None, lines), "the target did not take the message and did not say why")
