"""The application with its models loaded, driven through HTTP without sockets."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support import painter_store as painters
from tests.support.application import Connect, connected
from tests.support.upscalers import write_store


@pytest.fixture(scope="session")
def model_store(wave_store: Path) -> Path:
    return wave_store


@pytest.fixture
def connect(model_store: Path) -> Connect:
    """Opens a client of an application with these settings, its models loaded."""
    return lambda **settings: connected(**{"model_store": model_store, **settings})


@pytest.fixture
async def client(connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    async with connect() as opened:
        yield opened


@pytest.fixture(scope="session")
def upscaler_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of the tiny networks of tests.support.upscalers."""
    return write_store(tmp_path_factory.mktemp("upscalers"))


@pytest.fixture(scope="session")
def painter_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of the tiny Painter of tests.support.painter_store, with its styles."""
    return painters.write_store(tmp_path_factory.mktemp("painters"))
