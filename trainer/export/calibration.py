"""The calibration set of 8-bit networks: photographs for their ranges and the check against float.

They come with scikit-image, so that an export needs no data: an astronaut, a cat, a cup of coffee,
a rocket at dusk and a motorcycle.
"""

from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from trainer.export.golden import Rows

Example = Mapping[str, NDArray[Any]]
"""What a network takes for one photograph, by name, ``image`` first: batches of one."""

_FOLDER = Path(skimage.data.__file__).parent
_FILES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png")


def photographs() -> list[NDArray[np.uint8]]:
    """uint8 sRGB [H, W, 3] each, up to 741x500."""
    return [np.asarray(Image.open(_FOLDER / file).convert("RGB")) for file in _FILES]


def examples(rows: Rows | None = None) -> list[Example]:
    """All photographs; with a Painter's ``rows``, one photograph for each of them, by turns."""
    if rows is None:
        return [example(pixels) for pixels in photographs()]
    return [example(pixels, row) for row, pixels in zip(rows, cycle(photographs()), strict=False)]


def example(pixels: NDArray[np.uint8], row: NDArray[np.float32] | None = None) -> Example:
    """A photograph, uint8 [H, W, 3], painted in full; by a Painter, with this row [D]."""
    style = {} if row is None else {"style": row[None]}
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    return {"image": pixels[None], **style, "strength": one, "preserve_color": zero}
