"""The device that PyTorch computes on: a CPU or a GPU."""

import os

import torch

from trainer.errors import TrainerError


def chosen(name: str) -> torch.device:
    """The device that ``--device`` names; ``auto`` is a GPU where there is one.

    Raises TrainerError if there is no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        name = f"cuda:{local_rank()}"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise TrainerError(f"--device {name}: no such kind of device") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise TrainerError(f"--device {name}: PyTorch finds no GPU")
    return device


def local_rank() -> int:
    """Which of torchrun's processes on this machine this is, from 0: it takes that GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def autocast(device: torch.device) -> torch.autocast:
    """Mixed precision: bfloat16 where there are matrix units for it, GPUs or Intel's AMX.

    Elsewhere it is slower than float32: half as fast with AVX-512's bfloat16 alone.
    """
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = torch.cpu._is_amx_tile_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=native)
