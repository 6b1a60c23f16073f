"""Figure 7: a style at sizes that it was not trained at."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from trainer.errors import TrainerError
from trainer.evaluation.served_style import ServedStyle
from trainer.images import sheets
from trainer.images.photographs import pixels_of, read_rgb
from trainer.reproduce.report import Report

SIDE = 224
"""Longer side in pixels of what is shown."""


def run(style: ServedStyle, photograph: Path, sizes: Sequence[int], report: Report) -> None:
    """Write a sheet with a column for each size: the whole picture downsampled, and its middle.

    ``sizes``: longer sides in pixels. Raises TrainerError for sizes below SIDE.
    """
    whole: list[tuple[str, NDArray[np.uint8]]] = []
    middle: list[tuple[str, NDArray[np.uint8]]] = []
    for size in sizes:
        image = _read(photograph, size)
        height, width = image.shape[2:]
        painted = pixels_of(style.paint(image))
        scale = SIDE / size
        shape = (round(height * scale), round(width * scale))
        whole.append((f"{width}x{height}", _shrunk(painted, shape)))
        middle.append(("its middle, pixel by pixel", _middle(painted, shape)))
    drawn = sheets.stack([sheets.row(whole), sheets.row(middle)])
    report.markdown(report.picture(drawn, "The photograph painted at each size, and its middle"))


def _read(photograph: Path, size: int) -> Tensor:
    if size < SIDE:
        raise TrainerError(f"sizes from {SIDE} pixels up can be shown, not {size}")
    height, width = read_rgb(photograph).shape[2:]
    short_side = round(size * min(height, width) / max(height, width))
    return read_rgb(photograph, short_side)[..., :size, :size]  # rounding can add a pixel


def _shrunk(pixels: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels).resize(shape[::-1], Image.Resampling.LANCZOS))


def _middle(pixels: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    top, left = ((side - shown) // 2 for side, shown in zip(pixels.shape[:2], shape, strict=True))
    return pixels[top : top + shape[0], left : left + shape[1]]
