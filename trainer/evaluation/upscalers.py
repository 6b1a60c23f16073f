"""Super-resolution quality of upscalers: PSNR, SSIM and LPIPS (paper, section 4.2)."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.exposure import match_histograms

from trainer.errors import TrainerError
from trainer.images import resampling
from trainer.images.photographs import pixels_of, read_rgb
from trainer.images.quality import WINDOW, luma, psnr, ssim
from trainer.networks.painter import Painter
from trainer.networks.served import ServedUpscaleNet
from trainer.networks.style import StyleNet
from trainer.pretrained.lpips import SMALLEST
from trainer.weights_file import TrainedModel

Upscaler = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""uint8 RGB [H, W, 3] to [factor H, factor W, 3]."""

Distance = Callable[[NDArray[np.uint8], NDArray[np.uint8]], float]
"""Of two pictures, uint8 RGB [H, W, 3] each."""


@dataclass(frozen=True)
class Quality:
    """How near a picture is to the truth."""

    psnr: float
    """dB, higher is better."""
    ssim: float
    """At most 1, higher is better."""
    lpips: float
    """At least 0, lower is better."""


@dataclass(frozen=True)
class Evaluation:
    """The quality of several upscalers' pictures."""

    factor: int
    photographs: Sequence[str]
    """File names."""
    qualities: Mapping[str, Sequence[Quality]]
    """By method, for each photograph in the order of ``photographs``."""

    def means(self) -> dict[str, Quality]:
        """By method, over photographs: of decibels, not of squared errors."""
        return {method: _mean(row) for method, row in self.qualities.items()}

    def table(self) -> str:
        """Means as text, a row for each method."""
        lines = [f"{f'x{self.factor}, {len(self.photographs)} photographs':28}"]
        lines[0] += f"{'PSNR, dB':>12}{'SSIM':>12}{'LPIPS':>12}"
        lines += [
            f"{method:28}{mean.psnr:12.2f}{mean.ssim:12.4f}{mean.lpips:12.4f}"
            for method, mean in self.means().items()
        ]
        return "\n".join(lines)

    def csv(self) -> str:
        """A line for each photograph and method, then for each method its "mean"."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("photograph", "method", "psnr", "ssim", "lpips"))
        rows = [
            (photograph, method, row[index])
            for index, photograph in enumerate(self.photographs)
            for method, row in self.qualities.items()
        ]
        rows += [("mean", method, mean) for method, mean in self.means().items()]
        for photograph, method, quality in rows:
            writer.writerow((photograph, method, *_rounded(quality).values()))
        return text.getvalue()

    def figures(self) -> dict[str, Any]:
        """Means as plain numbers, rounded."""
        means = {method: _rounded(mean) for method, mean in self.means().items()}
        return {"photographs": len(self.photographs), "factor": self.factor, **means}


def evaluate(
    upscalers: Mapping[str, Upscaler],
    photographs: Sequence[Path],
    factor: int,
    lpips: Distance,
    on_image: Callable[[], object],
) -> Evaluation:
    """Downsample photographs by ``factor`` and compare each upscaler's output with the originals.

    A photograph is cut to multiples of ``factor`` on the right and at the bottom, and downsampled
    as by MATLAB's imresize. PSNR and SSIM leave out ``factor`` pixels at each border, LPIPS is of
    the whole picture. Upscalers are given RGB; a file that stores grey levels, as Set14 has one, is
    measured on those. ``on_image`` is called after each photograph.

    Raises TrainerError for a photograph that cannot be read or is too small to be measured.
    """
    qualities: dict[str, list[Quality]] = {method: [] for method in upscalers}
    for file in photographs:
        truth, grey = read(file, factor), is_grey(file)
        truth_luma = luma(truth, grey=grey)
        low_resolution = resampling.shrink(truth, factor)
        for method, upscale in upscalers.items():
            image = upscale(low_resolution)
            image_luma = luma(image, grey=grey)
            qualities[method].append(
                Quality(
                    psnr=psnr(image_luma, truth_luma, border=factor),
                    ssim=ssim(image_luma, truth_luma, border=factor),
                    lpips=lpips(image, truth),
                )
            )
        on_image()
    return Evaluation(factor, [file.name for file in photographs], qualities)


def methods(models: Mapping[str, TrainedModel], factor: int) -> dict[str, Upscaler]:
    """The upscalers by name: bicubic first, then the networks as they are served."""
    found: dict[str, Upscaler] = {"bicubic": partial(resampling.enlarge, factor=factor)}
    for name, model in models.items():
        assert not isinstance(model.network, StyleNet | Painter)
        found[name] = ServedUpscaleNet(model.network).enlarge
    return found


def match_histogram(upscale: Upscaler) -> Upscaler:
    """The upscaler with histogram matching: each output channel gets the input's histogram.

    The paper's post-processing (section 4.2).
    """

    def matched(low_resolution: NDArray[np.uint8]) -> NDArray[np.uint8]:
        # In floating point, for scikit-image cuts the fractions off uint8: half a level darker.
        image = upscale(low_resolution).astype(np.float32)
        exact = match_histograms(image, low_resolution, channel_axis=-1)
        rounded: NDArray[np.uint8] = np.floor(exact + 0.5).astype(np.uint8)
        return rounded

    return matched


def read(file: Path, factor: int) -> NDArray[np.uint8]:
    """A photograph cut to multiples of ``factor``, uint8 RGB [H, W, 3].

    Raises TrainerError if it cannot be read or is too small to be measured.
    """
    pixels = pixels_of(read_rgb(file))
    height, width = (side // factor * factor for side in pixels.shape[:2])
    smallest = max(SMALLEST, WINDOW + 2 * factor)
    if min(height, width) < smallest:
        raise TrainerError(
            f"{file}: too small to be measured ({width}x{height} pixels once cut to multiples of "
            f"{factor}, {smallest} a side are needed)"
        )
    return pixels[:height, :width]


def is_grey(file: Path) -> bool:
    """Whether the file stores grey levels in place of colours."""
    with Image.open(file) as opened:
        return opened.mode == "L"


def _mean(qualities: Sequence[Quality]) -> Quality:
    return Quality(
        psnr=fmean(quality.psnr for quality in qualities),
        ssim=fmean(quality.ssim for quality in qualities),
        lpips=fmean(quality.lpips for quality in qualities),
    )


def _rounded(quality: Quality) -> dict[str, float]:
    return {
        "psnr": round(quality.psnr, 2),
        "ssim": round(quality.ssim, 4),
        "lpips": round(quality.lpips, 4),
    }
