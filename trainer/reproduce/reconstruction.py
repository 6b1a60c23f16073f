"""Figures 3 and 4: feature inversion and style reconstruction from single layers of VGG-16.

A picture is optimised from noise until its activations at one layer (content), or their Gram matrix
(style), are those of the original. L-BFGS moves the picture's spectrum, scaled as that of natural
pictures: moving pixels would match the layer with fine noise, and take many times as long to lose
it (Olah et al. 2017, doi:10.23915/distill.00007).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from trainer.evaluation.gatys import descend
from trainer.evaluation.result_cache import ResultCache, digest, key_of
from trainer.evaluation.styles import centre_crop
from trainer.images import sheets
from trainer.images.photographs import pixels_of, tensor_of
from trainer.images.quality import luma, psnr, ssim
from trainer.losses import gram, total_variation
from trainer.pretrained.vgg import VGG16, Tap
from trainer.reproduce.report import Report, table

NOISE = 0.05
"""Standard deviation of the initial noise, where 1 is the whole range."""
TV_WEIGHT = 1.0
"""Of the TV loss, beside a relative error of 1: layers do not see all of the noise."""
SCALE = 1e3
"""Of the loss: the length of L-BFGS's first step is that of the gradient."""


@dataclass(frozen=True)
class Reconstruction:
    """One of the two experiments."""

    name: str
    layers: Sequence[Tap]
    """As in the paper's figure."""
    compared: Callable[[Tensor], Tensor]
    """What is compared, from activations [1, C, H, W]."""


CONTENT = Reconstruction(
    "content", ("relu2_2", "relu3_3", "relu4_3", "relu5_1", "relu5_3"), lambda x: x
)
STYLE = Reconstruction("style", ("relu1_2", "relu2_2", "relu3_3", "relu4_3"), gram)


def run(
    what: Reconstruction,
    vgg: VGG16,
    original: Path,
    size: int,
    iterations: int,
    cache: ResultCache,
    report: Report,
) -> None:
    """Reconstruct the centre of a picture, ``size`` pixels a side, from each layer.

    Layers that the cache has are not optimised again.
    """
    image = centre_crop(original, size)
    pixels = pixels_of(image)
    shown: list[tuple[str, NDArray[np.uint8]]] = [("original", pixels)]
    rows: list[tuple[str, float, float, float]] = []
    with tqdm(total=len(what.layers) * iterations, unit="iteration") as bar:
        for layer in what.layers:
            bar.set_description(layer)
            error = Error(vgg, layer, what.compared, image)
            depends_on = [digest(original), size, iterations, layer, NOISE, TV_WEIGHT, SCALE]
            key = key_of(f"{what.name}_{layer}", depends_on)
            reconstructed = cache.get_picture(key)
            if reconstructed is None:
                reconstructed = _reconstruct(error, size, iterations, bar.update)
                cache.put_picture(key, reconstructed)
            else:
                bar.total -= iterations  # or the time left would count what takes none
            shown.append((layer, reconstructed))
            with torch.no_grad():
                remaining = error(tensor_of(reconstructed)).item()
            plane, truth = luma(reconstructed), luma(pixels)
            rows.append((layer, remaining, psnr(plane, truth, 0), ssim(plane, truth, 0)))
    _report(what, shown, rows, iterations, report)


class Error:
    """Relative squared error of an image at a layer of VGG-16, a scalar: 0 where equal."""

    def __init__(
        self, vgg: VGG16, layer: Tap, compared: Callable[[Tensor], Tensor], original: Tensor
    ) -> None:
        self.vgg = vgg
        self.layer = layer
        self.compared = compared
        with torch.no_grad():
            self.target = self._of(original)

    def __call__(self, image: Tensor) -> Tensor:
        """``image``: float RGB [1, 3, H, W] in [0, 255]."""
        return (self._of(image) - self.target).square().sum() / self.target.square().sum()

    def _of(self, image: Tensor) -> Tensor:
        return self.compared(self.vgg(image, frozenset({self.layer}))[self.layer])


def _reconstruct(
    error: Error, size: int, iterations: int, on_iteration: Callable[[], object]
) -> NDArray[np.uint8]:
    def loss(image: Tensor) -> Tensor:
        return SCALE * (error(image) + TV_WEIGHT * total_variation(image))

    start = NOISE * torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    images = descend(loss, start, partial(_drawn, amplification=_amplification(size)))
    for _ in range(iterations):
        image = next(images)
        on_iteration()
    return pixels_of(image)


def _drawn(noise: Tensor, amplification: Tensor) -> Tensor:
    """The image with the spectrum of ``noise``, amplified: RGB [1, 3, size, size]."""
    spectrum = torch.fft.rfft2(noise) * amplification
    image: Tensor = 127.5 + 255 * torch.fft.irfft2(spectrum, s=noise.shape[-2:])
    return image


def _amplification(size: int) -> Tensor:
    """1 / frequency of each bin, float [size, size // 2 + 1], scaled to a root mean square of 1.

    The mean has that of one period a side.
    """
    down, right = torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)
    frequency = (down.square() + right.square()).sqrt().clamp(min=1 / size)
    amplification: Tensor = frequency.reciprocal()
    return amplification / amplification.square().mean().sqrt()


def _report(
    what: Reconstruction,
    shown: Sequence[tuple[str, NDArray[np.uint8]]],
    rows: Sequence[tuple[str, float, float, float]],
    iterations: int,
    report: Report,
) -> None:
    half = (len(shown) + 1) // 2
    drawn = sheets.stack([sheets.row(shown[:half]), sheets.row(shown[half:])])
    picture = report.picture(drawn, f"The original, and pictures of the same {what.name} by layer")
    report.csv(["layer", "relative_error", "psnr", "ssim"], rows)
    header = ["layer", "error that remains", "PSNR, dB", "SSIM"]
    text = [[layer, f"{error:.2%}", f"{p:.1f}", f"{s:.2f}"] for layer, error, p, s in rows]
    side = shown[0][1].shape[0]
    report.markdown(
        picture,
        f"{side}x{side} pixels, {iterations} iterations of L-BFGS from noise. The error is the "
        "squared difference at the layer, relative to what there is; PSNR and SSIM compare the "
        "pixels with the original's.",
        table(header, text),
    )
