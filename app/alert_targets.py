"""What settings and credentials make of the alerts: whom they reach, and when."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from app.log import hide, redact
from app.secrets import Credentials
from app.services.alert_sender import AlertSender, addresses_of, parts_of
from app.services.alerts import AlertSettings
from app.settings import Settings
from scanner.model import Mode


def alert_settings(settings: Settings) -> AlertSettings:
    return AlertSettings(
        mode=settings.mode,
        least_score=settings.alert_score,
        most_an_hour=settings.alerts_per_hour,
        sends=settings.mode is Mode.LIVE or settings.alert_simulated,
        flow_scans=settings.flow_scans,
        disk=settings.data_dir if settings.data_dir.is_dir() else None,
    )


def sender(credentials: Credentials) -> Callable[[], AlertSender]:
    """The targets of alerts, opened when first asked for, with every part of their addresses hidden from then on."""

    @cache
    def opened() -> AlertSender:
        addresses = addresses_of(credentials.get("SCANNER_ALERT_URLS"))
        hide(*addresses, *(part for address in addresses for part in parts_of(address)))
        return AlertSender(addresses, redact=redact)

    return opened
