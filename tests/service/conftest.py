"""The application with its models loaded, driven through HTTP without sockets."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.app import create_app
from service.settings import Settings
from tests.service.pictures import file_of
from tests.service.upscalers import write_store

Connect = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


def encoded(pixels: NDArray[np.uint8], format: str = "png", **options: Any) -> bytes:
    return file_of(Image.fromarray(pixels), format, **options)


def decoded(response: httpx.Response) -> NDArray[np.uint8]:
    assert response.status_code == 200, response.text
    return np.asarray(Image.open(BytesIO(response.content)))


async def until_ready(client: httpx.AsyncClient) -> None:
    with anyio.fail_after(120):
        while (await client.get("/readyz")).status_code != 200:  # noqa: ASYNC110
            await anyio.sleep(0.02)


@pytest.fixture(scope="session")
def model_store(wave_store: Path) -> Path:
    return wave_store


@pytest.fixture
def connect(model_store: Path) -> Connect:
    """Opens a client of an app with these settings, its models loaded."""

    @asynccontextmanager
    async def open_client(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(Settings(**{"model_store": model_store, **settings}))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://service") as client,
        ):
            await until_ready(client)
            yield client

    return open_client


@pytest.fixture
async def client(connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    async with connect() as opened:
        yield opened


@pytest.fixture(scope="session")
def upscaler_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of the tiny networks of tests.service.upscalers."""
    return write_store(tmp_path_factory.mktemp("upscalers"))
