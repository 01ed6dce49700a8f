"""Robinhood: robin_stocks logs in, the calls for data are ours."""

from scanner.sources.base import SourceOptions
from scanner.sources.robinhood.credentials import RobinhoodCredentials
from scanner.sources.robinhood.source import RobinhoodSource

__all__ = ["RobinhoodCredentials", "RobinhoodSource", "open_source"]

_SESSION = "robinhood-session"


def open_source(options: SourceOptions) -> RobinhoodSource:
    """The account of the credentials; its session is kept in the vault. Nothing is called yet."""
    return RobinhoodSource(
        clock=options.clock,
        gate=options.gate,
        timeout_seconds=options.timeout_seconds,
        credentials=RobinhoodCredentials(
            username=options.credential("SCANNER_ROBINHOOD_USERNAME"),
            password=options.credential("SCANNER_ROBINHOOD_PASSWORD"),
            totp_secret=options.credential("SCANNER_ROBINHOOD_MFA_SECRET"),
            mfa_code=options.credential("SCANNER_ROBINHOOD_MFA_CODE"),
        ),
        read_session=lambda: options.vault.get(_SESSION),
        write_session=lambda text: options.vault.put(_SESSION, text),
    )
