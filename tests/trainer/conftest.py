"""Photographs, a painting, and VGG-16 with its real or with random weights."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from numpy.typing import NDArray
from onnxruntime import InferenceSession
from torch import Tensor

from tests.support import small
from tests.support.checkout import SHARED
from trainer.export.store import export
from trainer.images.photographs import find_photographs
from trainer.pretrained import vgg_weights

VGG_CHANNELS = (3, 64, 64, 128, 128, 256, 256, 256, *6 * (512,))


@pytest.fixture(autouse=True)
def _settings_of_pytorch() -> Iterator[None]:
    """Training changes settings of the whole process: put them back."""
    precision = torch.get_float32_matmul_precision()
    benchmark = torch.backends.cudnn.benchmark
    yield
    torch.set_float32_matmul_precision(precision)
    torch.backends.cudnn.benchmark = benchmark


@pytest.fixture(scope="session")
def shared() -> Path:
    """The project's data folder: photographs, paintings, the real weights of VGG-16."""
    if not SHARED.is_dir():
        pytest.skip("the data folder `shared` is not beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def vgg_file(shared: Path) -> Path:
    file = shared / "vgg16" / "vgg16_features.safetensors"
    if not file.exists():
        pytest.skip("the data folder holds no VGG-16 weights")
    return file


@pytest.fixture(scope="session")
def real_vgg(vgg_file: Path) -> dict[str, Tensor]:
    return vgg_weights.load(vgg_file)


@pytest.fixture(scope="session")
def random_vgg() -> dict[str, Tensor]:
    """Weights of the right shapes, scaled so that activations neither vanish nor explode."""
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    channels = pairwise(VGG_CHANNELS)
    for index, (before, after) in zip(vgg_weights.CONVOLUTIONS, channels, strict=True):
        kernel = torch.randn(after, before, 3, 3, generator=generator)
        tensors[f"features.{index}.weight"] = kernel * (2 / (9 * before)) ** 0.5
        tensors[f"features.{index}.bias"] = torch.zeros(after)
    return tensors


@pytest.fixture(scope="session")
def coffee() -> NDArray[np.uint8]:
    """A cup on a table, uint8 [400, 600, 3]."""
    pixels: NDArray[np.uint8] = skimage.data.coffee()
    return pixels


@pytest.fixture(scope="session")
def painting(tmp_path_factory: pytest.TempPathFactory, coffee: NDArray[np.uint8]) -> Path:
    """An image file in the place of a painting."""
    return small.save(coffee[::4, ::4], tmp_path_factory.mktemp("painting") / "coffee.png")


@pytest.fixture(scope="session")
def photographs(
    tmp_path_factory: pytest.TempPathFactory, astronaut: NDArray[np.uint8]
) -> tuple[Path, ...]:
    """Three small JPEG files: a face, a cat, a cup."""
    folder = tmp_path_factory.mktemp("photographs")
    small.save(astronaut[40:160, 150:294], folder / "astronaut.jpg", quality=95)
    small.save(skimage.data.chelsea()[::3, ::3], folder / "chelsea.jpg", quality=95)
    small.save(skimage.data.coffee()[::4, ::4], folder / "coffee.jpg", quality=95)
    return find_photographs(folder)


@pytest.fixture(scope="session")
def exported(
    tmp_path_factory: pytest.TempPathFactory, painting: Path, photographs: tuple[Path, ...]
) -> small.Exported:
    """A small network with random weights, in a model store."""
    store = tmp_path_factory.mktemp("store")
    model = small.model(painting, small.lively(width=8))
    digest = export(model, "small", store, photograph=photographs[0], evaluation=small.EVALUATION)
    return small.Exported(model, store / "small", digest)


@pytest.fixture(scope="session")
def session(exported: small.Exported) -> InferenceSession:
    return InferenceSession(exported.onnx, providers=["CPUExecutionProvider"])
