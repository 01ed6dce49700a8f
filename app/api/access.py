"""Who may ask what: keys by `Authorization: Bearer` or `X-API-Key`, and none on this machine unless told otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from app.api.state import services
from app.services.api_keys import ApiScope
from scanner.errors import ScannerError

_BEARER: Final = HTTPBearer(auto_error=False, description="A key made by `python -m app.cli api-keys create`.")
_HEADER: Final = APIKeyHeader(name="X-API-Key", auto_error=False)


class NotAllowedError(ScannerError):
    """The request has no key, a wrong one, or one that may not do this. `status` is 401 or 403."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def allows(scope: ApiScope) -> Callable[..., None]:
    """A dependency that lets requests pass whose key has at least this scope."""

    def check(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
        header: Annotated[str | None, Depends(_HEADER)],
    ) -> None:
        key = bearer.credentials if bearer else header
        if key is None:
            if services(request).settings.api_needs_keys:
                raise NotAllowedError(401, "this API needs a key: send it as `X-API-Key`")
            return
        held = services(request).api_keys.scope_of(key)
        if held is None:
            raise NotAllowedError(401, "this key is not known here. Make one: python -m app.cli api-keys create NAME")
        if held < scope:
            raise NotAllowedError(403, f"this key is for a {held.word}; this needs one for a {scope.word}")

    return check


Viewer: Final = Depends(allows(ApiScope.VIEWER))
Trader: Final = Depends(allows(ApiScope.TRADER))
