"""Crops side by side, with their figures beneath (paper, figures 8 and 9)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from trainer.errors import TrainerError
from trainer.image_quality import luma, psnr, ssim
from trainer.resampling import shrink
from trainer.upscale_evaluation import Upscaler, is_grey, read

SIDE = 104
"""Of a crop, in pixels of the photograph."""
ZOOM = 2
GAP = 6
CAPTION = 34
"""Height of a caption in pixels: two lines."""


def sheet(
    upscalers: Mapping[str, Upscaler], photographs: Sequence[Path], factor: int
) -> Image.Image:
    """A row a photograph: the input, what each upscaler makes of it, the truth.

    Shown is the square where bicubic enlargement, the first upscaler, errs most.
    """
    rows = [_row(upscalers, file, factor) for file in photographs]
    width, height = rows[0].size
    stacked = Image.new("RGB", (width, len(rows) * (height + GAP) - GAP), "white")
    for index, row in enumerate(rows):
        stacked.paste(row, (0, index * (height + GAP)))
    return stacked


def _row(upscalers: Mapping[str, Upscaler], file: Path, factor: int) -> Image.Image:
    truth, grey = read(file, factor), is_grey(file)
    if min(truth.shape[:2]) < SIDE:
        raise TrainerError(f"{file}: too small for a crop of {SIDE} pixels")
    truth_luma = luma(truth, grey=grey)
    low = shrink(truth, factor)
    enlarged = {name: upscale(low) for name, upscale in upscalers.items()}
    top, left = _hardest_square(truth, next(iter(enlarged.values())), factor)

    def crop(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return pixels[top : top + SIDE, left : left + SIDE]

    def figures(pixels: NDArray[np.uint8]) -> str:
        plane = luma(pixels, grey=grey)
        return f"{psnr(plane, truth_luma, factor):.2f} dB / {ssim(plane, truth_luma, factor):.4f}"

    nearest = low.repeat(factor, axis=0).repeat(factor, axis=1)
    columns = [("input", "", crop(nearest))]
    columns += [(name, figures(pixels), crop(pixels)) for name, pixels in enlarged.items()]
    columns += [("truth", "PSNR / SSIM", crop(truth))]

    side = SIDE * ZOOM
    row = Image.new("RGB", (len(columns) * (side + GAP) - GAP, side + CAPTION), "white")
    draw = ImageDraw.Draw(row)
    font = ImageFont.load_default(13)
    for index, (name, text, pixels) in enumerate(columns):
        x = index * (side + GAP)
        row.paste(Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST), (x, 0))
        draw.text((x + 2, side + 1), f"{name}\n{text}", fill="black", font=font, spacing=1)
    return row


def _hardest_square(
    truth: NDArray[np.uint8], bicubic: NDArray[np.uint8], factor: int
) -> tuple[int, int]:
    """Top and left of the square with the largest squared error, on the input's grid."""
    error = np.square(luma(truth) - luma(bicubic))
    total = np.pad(error, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    sums = (
        total[SIDE:, SIDE:] - total[:-SIDE, SIDE:] - total[SIDE:, :-SIDE] + total[:-SIDE, :-SIDE]
    )[::factor, ::factor]
    top, left = np.unravel_index(int(sums.argmax()), sums.shape)
    return int(top) * factor, int(left) * factor
