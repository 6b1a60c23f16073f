"""Authentication by API keys, for the routes that run models."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.params import Depends as Dependency
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from service.auth import keys
from service.auth.keys import Client
from service.problems import Unauthorized

_BEARER = HTTPBearer(auto_error=False)
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False)


def required(file: Path | None) -> Sequence[Dependency]:
    """The dependencies of routes that need a key; none without a file. Raises BrokenKeys."""
    return [] if file is None else [Depends(_Authentication(keys.read(file)))]


class _Authentication:
    """Runs before the body is read, and puts the Client into the request's state."""

    def __init__(self, clients: Sequence[Client]) -> None:
        self._clients = clients

    async def __call__(
        self,
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
        header: Annotated[str | None, Security(_HEADER)],
    ) -> None:
        """Raises Unauthorized or LimitExceeded."""
        key = bearer.credentials if bearer else header
        if not key:
            raise Unauthorized("Send an API key, as 'Authorization: Bearer KEY' or 'X-API-Key'.")
        digest = hashlib.sha256(key.encode()).digest()
        # All are compared, so that the time does not tell which was close.
        holders = [client for client in self._clients if client.holds(digest)]
        if not holders:
            raise Unauthorized("This API key is not known.")
        request.state.client = holders[0]
        holders[0].charge_request()
