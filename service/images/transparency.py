"""Alpha of pictures whose colours go through a network: filling before it, resizing after it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


def fill(pixels: Pixels, alpha: Pixels) -> Pixels:
    """Give fully transparent pixels the colour of visible ones nearby.

    Their own colour is arbitrary, mostly black, and a network would draw it into the edge of what
    is visible. ``pixels`` is [H, W, 3] and ``alpha`` [H, W], not premultiplied; visible pixels stay
    as they are.
    """
    weights = alpha.astype(np.float32)[..., np.newaxis]
    colours = _colours(pixels * weights, weights)
    return np.where(weights > 0, pixels, np.rint(colours).astype(np.uint8))


def resize(alpha: Pixels, height: int, width: int) -> Pixels:
    """Alpha [H, W] resized to [height, width]."""
    resized = Image.fromarray(alpha).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(resized)


def _colours(weighted: Floats, weights: Floats) -> Floats:
    """Colours [H, W, 3] from weighted sums; where the weight is 0, of the picture at half size."""
    height, width = weights.shape[:2]
    colours: Floats = np.divide(weighted, np.maximum(weights, 1), dtype=np.float32)
    if (weights > 0).all() or height == width == 1:
        return colours
    coarser = _colours(_halved(weighted), _halved(weights))
    spread = coarser.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    return np.where(weights > 0, colours, spread)


def _halved(sums: Floats) -> Floats:
    """Sums over 2x2 pixels; fewer at the end of an odd side."""
    for axis in (0, 1):
        sums = np.add.reduceat(sums, np.arange(0, sums.shape[axis], 2), axis)
    return sums
