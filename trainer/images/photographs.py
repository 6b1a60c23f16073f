"""Finding, decoding and resizing photographs, as tensors."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from trainer.errors import TrainerError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


def find_photographs(folder: Path) -> tuple[Path, ...]:
    """All photographs below ``folder``, sorted, so that a seed means the same everywhere.

    Raises TrainerError if there is no such folder, or none in it.
    """
    if not folder.is_dir():
        raise TrainerError(f"{folder}: no such folder")
    found = tuple(sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES))
    if not found:
        raise TrainerError(f"{folder}: no photographs ({', '.join(sorted(SUFFIXES))})")
    return found


def read_rgb(file: Path, short_side: int | None = None) -> Tensor:
    """A photograph as float RGB [1, 3, H, W] in [0, 255], its short side resized if given (pixels).

    Raises TrainerError if the file is missing or cannot be decoded.
    """
    try:
        with Image.open(file) as opened:
            image = rgb(opened) if short_side is None else resized(opened, short_side)
            pixels = np.asarray(image)
    except FileNotFoundError:
        raise TrainerError(f"{file}: no such file") from None
    except Exception as error:  # Pillow raises nearly anything for a broken file
        raise TrainerError(f"{file}: cannot be read as an image ({error})") from error
    return tensor_of(pixels)


def tensor_of(pixels: NDArray[np.uint8]) -> Tensor:
    """An image for a network: uint8 RGB [H, W, 3] to float [1, 3, H, W] in [0, 255]."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float()


def pixels_of(image: Tensor) -> NDArray[np.uint8]:
    """An image of a network, rounded: float RGB [1, 3, H, W] in [0, 255] to uint8 [H, W, 3]."""
    pixels: NDArray[np.uint8] = image[0].permute(1, 2, 0).round().byte().numpy()
    return pixels


def resized(image: Image.Image, short_side: int) -> Image.Image:
    """The image in RGB with its shorter side at ``short_side`` pixels (bicubic)."""
    image.draft("RGB", (short_side, short_side))  # JPEG: decode at 1/2, 1/4, 1/8 where enough
    scale = short_side / min(image.size)
    size = (round(image.width * scale), round(image.height * scale))
    return rgb(image).resize(size, Image.Resampling.BICUBIC)


def rgb(image: Image.Image) -> Image.Image:
    """The image in mode RGB, 16-bit grey and palettes included."""
    if image.mode.startswith("I"):  # 16-bit grey, which convert would clip at 255
        image = image.convert("I").point(lambda level: level * (255 / 65535)).convert("L")
    if image.mode == "P":  # else Pillow warns of palettes with an alpha channel
        image = image.convert("RGBA")
    return image.convert("RGB")
