"""Who may ask what: keys by `Authorization: Bearer` or `X-API-Key`, and none on this machine unless told otherwise."""

from __future__ import annotations

from typing import Final

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import APIKeyHeader

from app.api.state import services
from app.services.api_keys import ApiScope
from scanner.errors import ScannerError

_HEADER: Final = "X-API-Key"
_HOW: Final = "Make one: python -m app.cli api-keys create NAME"


class NotAllowedError(ScannerError):
    """The request has no key, a wrong one, or one that may not do this. `status` is 401 or 403."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Allows(APIKeyHeader):
    """A dependency that lets requests pass whose key has at least this scope. One for every address: no parts of it
    are dependencies of their own, which would cost more than the check.
    """

    def __init__(self, scope: ApiScope) -> None:
        words = "A key made by `python -m app.cli api-keys create`. As `Authorization: Bearer` it does as well."
        super().__init__(name=_HEADER, scheme_name="key", description=words, auto_error=False)
        self.scope = scope

    async def __call__(self, request: Request) -> None:  # type: ignore[override]
        key = _key(request)
        if key is None:
            if services(request).settings.api_needs_keys:
                raise NotAllowedError(401, f"this API needs a key: send it as `{_HEADER}`. {_HOW}")
            return
        held = await run_in_threadpool(services(request).api_keys.scope_of, key)
        if held is None:
            raise NotAllowedError(401, f"this key is not known here. {_HOW}")
        if held < self.scope:
            raise NotAllowedError(403, f"this key is for a {held.word}; this needs one for a {self.scope.word}")


def _key(request: Request) -> str | None:
    kind, _, held = request.headers.get("Authorization", "").partition(" ")
    return held.strip() if kind.lower() == "bearer" and held else request.headers.get(_HEADER)


Viewer: Final = Depends(Allows(ApiScope.VIEWER))
Trader: Final = Depends(Allows(ApiScope.TRADER))
