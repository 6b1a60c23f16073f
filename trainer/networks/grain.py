"""Grain: noise added to a photograph, so that flat areas get strokes.

Clipped shadows, white skies and plain backgrounds have one colour throughout, so every layer's
activations are constant there and the network paints one muddy tone. Noise of one level is enough
for strokes, and is not noticed where there is detail.
"""

import numpy as np
import torch
from torch import Tensor, nn

_REACH = 1.25
"""Amplitude of each tile in levels of 255: together a standard deviation of one level."""
_SIDES = (61, 67)
"""Sides of the tiles in pixels. With no common factor, their sum repeats after 4,087 pixels."""


class Grain(nn.Module):
    """Adds noise to images, float [N, C, H, W] in [0, 255]; the same noise to each and always."""

    def __init__(self) -> None:
        super().__init__()
        for side in _SIDES:
            noise = np.random.default_rng(side).random((side, side), np.float32)
            tile = _REACH * (2 * torch.from_numpy(noise) - 1)
            self.register_buffer(f"tile{side}", tile[None, None])

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        for tile in self.buffers():
            rows, columns = height // tile.shape[2] + 1, width // tile.shape[3] + 1
            image = image + tile.repeat(1, 1, rows, columns)[..., :height, :width]
        return image
