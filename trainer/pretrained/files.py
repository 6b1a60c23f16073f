"""Networks that others trained: their tensors, read from a file and known by their digest."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from trainer.errors import TrainerError


def read(file: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file or a PyTorch checkpoint, by name.

    Raises TrainerError if ``file`` is missing or neither of the two.
    """
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        loaded: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
        return loaded
    except FileNotFoundError:
        raise TrainerError(f"{file}: no such file") from None
    except Exception as error:  # PyTorch raises nearly anything for a broken file
        raise TrainerError(f"{file}: cannot be read as weights ({error})") from error


def digest(tensors: Mapping[str, Tensor], names: Sequence[str]) -> str:
    """SHA-256 (hex) over name, shape and little-endian float32 bytes of these tensors, in order."""
    sha = hashlib.sha256()
    for name in names:
        array = tensors[name].float().numpy().astype("<f4")
        sha.update(f"{name} {array.shape}\n".encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()
