"""Where PyTorch computes."""

import torch

from trainer.errors import TrainerError
from trainer.training import distributed


def chosen(name: str) -> torch.device:
    """The device that ``--device`` names; ``auto`` is a GPU where there is one.

    Raises TrainerError if there is no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        name = f"cuda:{distributed.local_rank()}"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise TrainerError(f"--device {name}: no such kind of device") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise TrainerError(f"--device {name}: PyTorch finds no GPU")
    return device
