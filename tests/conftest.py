"""Real photographs and the shipped models, for all tests."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from tests.support.checkout import ROOT

TRAINING = ("tests/trainer/training/", "tests/trainer/export/", "tests/trainer/reproduce/")
TRAINING += ("tests/trainer/evaluation/", "tests/trainer/test_main_")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks tests by what they need, so that make test-fast can leave them out."""
    for item in items:
        module = item.nodeid
        if module.startswith(TRAINING):
            item.add_marker("training")
        elif module.startswith("tests/page/"):
            item.add_marker("browser")
        elif module.startswith("tests/deploy/"):
            item.add_marker("balancer")


@pytest.fixture(scope="session")
def model_store() -> Path:
    return ROOT / "model_store"


@pytest.fixture(scope="session")
def wave_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of one style, which is loaded sooner than all models are."""
    store = tmp_path_factory.mktemp("model_store")
    shutil.copytree(ROOT / "model_store" / "wave", store / "wave")
    return store


@pytest.fixture(scope="session")
def pair_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of a style and an upscaler: what a server needs to answer, started sooner."""
    store = tmp_path_factory.mktemp("model_store")
    for name in ("wave", "upscale_x4_feature"):
        shutil.copytree(ROOT / "model_store" / name, store / name)
    return store


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
