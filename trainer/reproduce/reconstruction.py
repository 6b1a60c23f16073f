"""What a layer of VGG-16 knows of a picture: its content, its style (paper, figures 3 and 4).

A picture is made out of noise whose activations, or whose Gram matrix, at one layer are those of
the original. What L-BFGS moves is its spectrum, amplified as that of natural pictures is: one that
moves pixels meets the layer with fine noise instead, and takes many times as long to leave it
(Olah et al. 2017, doi:10.23915/distill.00007).
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
"""Standard deviation of the noise that is begun with, where 1 is all of the range."""
TV_WEIGHT = 1.0
"""Of total variation, beside a relative error of 1: layers do not see all of the noise."""
SCALE = 1e3
"""Of the loss: L-BFGS takes its first step as long as the gradient."""


@dataclass(frozen=True)
class Reconstruction:
    """One of the two experiments."""

    name: str
    layers: Sequence[Tap]
    """Those of the paper's figure."""
    compared: Callable[[Tensor], Tensor]
    """What is to be the same, from activations [1, C, H, W]."""


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
    """Reconstruct the centre of a picture, ``size`` pixels a side, from each layer."""
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
    """How far an image is from the original at a layer, relative to the original: a scalar.

    The squared difference, divided by the square of what there is: 0 where equal.
    """

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
    """The image whose spectrum is that of ``noise``, amplified: RGB [1, 3, size, size]."""
    spectrum = torch.fft.rfft2(noise) * amplification
    image: Tensor = 127.5 + 255 * torch.fft.irfft2(spectrum, s=noise.shape[-2:])
    return image


def _amplification(size: int) -> Tensor:
    """1 / frequency, and that of one period a side for the mean; 1 in root mean square."""
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
