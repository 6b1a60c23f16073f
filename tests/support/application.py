"""The application with its models loaded, driven through HTTP without sockets."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
import httpx

from service.app import create_app
from service.settings import Settings

Connect = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
"""Opens a client of an application with these settings."""


@asynccontextmanager
async def connected(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application with these settings, ready to answer."""
    app = create_app(Settings(**settings))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        await until_ready(client)
        yield client


async def until_ready(client: httpx.AsyncClient) -> None:
    with anyio.fail_after(120):
        while (await client.get("/readyz")).status_code != 200:  # noqa: ASYNC110
            await anyio.sleep(0.02)
