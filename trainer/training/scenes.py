"""Changes to photographs that a Painter should bear: light, grain, small movements."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.networks.style import PIXEL_CENTRE
from trainer.perceptual import halved

CONTRAST = 0.4
"""Of the natural logarithm of the contrast, up and down."""
BRIGHTNESS = 60.0
"""Levels of 255, up and down."""
GRAIN = 1.0
"""Standard deviation in levels of 255, that of the grain at serving."""
SHIFT = 6.0
"""Pixels."""
ZOOM = 0.03
LIGHT = 0.05
"""Of the natural logarithm of the brightness, up and down, between two frames."""
BORDER = 16
"""Pixels of a moved picture that are not compared: there it has seen something else."""


def lit(images: Tensor, random: np.random.Generator) -> Tensor:
    """Every other image with another contrast and brightness, clipped: blown-out skies, deep night.

    Float RGB [N, 3, H, W] in [0, 255], as is what is returned.
    """
    n = len(images)
    changed = random.random(n) < 0.5
    contrast = np.where(changed, np.exp(random.uniform(-CONTRAST, CONTRAST, n)), 1)
    brightness = np.where(changed, random.uniform(-BRIGHTNESS, BRIGHTNESS, n), 0)
    factor = _per_image(contrast, images)
    offset = _per_image(PIXEL_CENTRE * (1 - contrast) + brightness, images)
    return (images * factor + offset).clamp(0, 255)


def with_grain(images: Tensor, random: np.random.Generator) -> Tensor:
    """As a served network sees images, which adds the same grain to each."""
    noise = random.standard_normal((*images.shape[:1], 1, *images.shape[2:]), np.float32)
    return images + GRAIN * torch.from_numpy(noise).to(images.device)


@dataclass(frozen=True)
class Movement:
    """From one frame of a film to the next: shifted, a little nearer or farther, relit."""

    right: float
    down: float
    """Pixels."""
    zoom: float
    light: float
    """Factors."""

    @classmethod
    def random(cls, random: np.random.Generator) -> Self:
        right, down = random.uniform(-SHIFT, SHIFT, 2)
        zoom, light = np.exp(random.uniform((-ZOOM, -LIGHT), (ZOOM, LIGHT)))
        return cls(float(right), float(down), float(zoom), float(light))

    def __call__(self, image: Tensor) -> Tensor:
        """The next frame after float [N, 3, H, W]."""
        height, width = image.shape[-2:]
        matrix = torch.tensor(
            [
                [1 / self.zoom, 0, -2 * self.right / width],
                [0, 1 / self.zoom, -2 * self.down / height],
            ],
            device=image.device,
        )
        grid = F.affine_grid(
            matrix.expand(len(image), -1, -1), list(image.shape), align_corners=False
        )
        moved = F.grid_sample(image, grid, padding_mode="reflection", align_corners=False)
        return moved * self.light

    def error(self, before: Tensor, after: Tensor) -> Tensor:
        """How far ``after`` is from ``before``, moved: mean square in units of the range.

        Both are pictures of frames, float [N, 3, H, W] in [0, 255], compared at half the size,
        where it does not matter that moving softens.
        """
        wanted, found = halved(self(before)), halved(after)
        inner = (..., slice(BORDER // 2, -BORDER // 2), slice(BORDER // 2, -BORDER // 2))
        return F.mse_loss(found[inner] / 255, wanted[inner] / 255)


def _per_image(values: np.ndarray, images: Tensor) -> Tensor:
    return torch.from_numpy(values).to(images)[:, None, None, None]
