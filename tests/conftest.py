"""Real photographs and the shipped models, for all tests."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def model_store() -> Path:
    return ROOT / "model_store"


@pytest.fixture(scope="session")
def astronaut() -> NDArray[np.uint8]:
    """A portrait, uint8 [512, 512, 3]."""
    pixels: NDArray[np.uint8] = skimage.data.astronaut()
    return pixels


@pytest.fixture(scope="session")
def photograph(astronaut: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A face, uint8 [120, 144, 3]: small, so that tests are quick."""
    return np.ascontiguousarray(astronaut[40:160, 150:294])


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
