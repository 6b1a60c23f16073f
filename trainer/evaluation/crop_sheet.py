"""Contact sheets of upscaled crops, with PSNR, SSIM and LPIPS (paper, figures 8 and 9)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.errors import TrainerError
from trainer.evaluation.upscalers import Distance, Upscaler, is_grey, read
from trainer.images import sheets
from trainer.images.quality import luma, psnr, ssim
from trainer.images.resampling import shrink

SIDE = 104
"""Side of a crop in pixels of the photograph."""
ZOOM = 2
"""How many times larger it is shown."""


def sheet(
    upscalers: Mapping[str, Upscaler],
    photographs: Sequence[Path],
    factor: int,
    lpips: Distance | None = None,
) -> Image.Image:
    """A sheet with a row for each photograph: the input, each upscaler's output, the truth.

    It shows the square where bicubic upsampling, the first upscaler, has the largest error; the
    captions give PSNR and SSIM, and ``lpips`` if given, of the whole picture. Raises TrainerError
    for a photograph that cannot be read or is too small.
    """
    return sheets.stack([_row(upscalers, file, factor, lpips) for file in photographs])


def _row(
    upscalers: Mapping[str, Upscaler], file: Path, factor: int, lpips: Distance | None
) -> Image.Image:
    truth, grey = read(file, factor), is_grey(file)
    if min(truth.shape[:2]) < SIDE:
        raise TrainerError(f"{file}: too small for a crop of {SIDE} pixels")
    truth_luma = luma(truth, grey=grey)
    low = shrink(truth, factor)
    enlarged = {name: upscale(low) for name, upscale in upscalers.items()}
    top, left = _hardest_square(truth, next(iter(enlarged.values())), factor)

    def crop(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        square = pixels[top : top + SIDE, left : left + SIDE]
        return square.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)

    def figures(pixels: NDArray[np.uint8]) -> str:
        plane = luma(pixels, grey=grey)
        pair = f"{psnr(plane, truth_luma, factor):.2f} dB / {ssim(plane, truth_luma, factor):.4f}"
        return pair if lpips is None else f"{pair}\nLPIPS {lpips(pixels, truth):.3f}"

    nearest = low.repeat(factor, axis=0).repeat(factor, axis=1)
    return sheets.row(
        [
            ("input", crop(nearest)),
            *((f"{name}\n{figures(pixels)}", crop(pixels)) for name, pixels in enlarged.items()),
            ("truth\nPSNR / SSIM", crop(truth)),
        ]
    )


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
