"""Grain: what starts strokes where a photograph is flat.

Clipped shadows, white skies and plain backgrounds are of one colour throughout, so that every layer
is, too, and a network paints them in one muddy tone. A level of noise is enough to paint from, and
where there is anything else to see it changes nothing that would be noticed.
"""

import numpy as np
import torch
from torch import Tensor, nn

_REACH = 1.25
"""Levels of 255, up and down, of either tile: together a standard deviation of one level."""
_SIDES = (61, 67)
"""Of the tiles, pixels. They have no common factor: their sum repeats after 4,087 pixels."""


class Grain(nn.Module):
    """Adds noise to an image, float [N, C, H, W] in [0, 255]; the same noise every time."""

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
