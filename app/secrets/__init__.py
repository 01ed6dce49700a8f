"""The encrypted store of credentials and tokens, the keys that open it, and where each credential comes from."""

from app.secrets.credentials import Credentials, CredentialState, Origin, read_credentials
from app.secrets.keys import Key, KeyRing
from app.secrets.protection import protect
from app.secrets.store import SecretStore

__all__ = [
    "CredentialState",
    "Credentials",
    "Key",
    "KeyRing",
    "Origin",
    "SecretStore",
    "protect",
    "read_credentials",
]
