"""Pretrained weights as files: fetched from one of several sources, verified, cached, read."""

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from safetensors.torch import save as serialize
from torch import Tensor

from trainer import atomic
from trainer.errors import TrainerError

Source = Callable[[], dict[str, Tensor]]
"""Downloads weights, by name; raises OSError, RuntimeError or TrainerError if it cannot."""
Verify = Callable[[dict[str, Tensor], str], dict[str, Tensor]]
"""Returns the tensors that are needed; raises TrainerError, with the source, if they are others."""


def fetch(
    destination: Path, network: str, sources: Mapping[str, Source], verify: Verify, advice: str
) -> str:
    """Write verified weights to ``destination``, atomically; returns the source that had them.

    ``sources`` by name, in the order in which they are tried. Raises TrainerError, which ends in
    ``advice``, if none of them has the weights.
    """
    failures = []
    for name, source in sources.items():
        print(f"fetching {network} from {name}", file=sys.stderr)
        try:
            tensors = verify(source(), name)
        except (OSError, RuntimeError, TrainerError) as error:
            failures.append(f"{name}: {str(error).splitlines()[0]}")
            continue
        atomic.write(destination, serialize(tensors))
        return name
    raise TrainerError(
        f"no source of the {network} weights answered ({'; '.join(failures)}); {advice}"
    )


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
