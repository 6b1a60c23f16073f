"""The calibration set of 8-bit networks: photographs for their ranges and the check against float.

They come with scikit-image, so that an export needs no data: an astronaut, a cat, a cup of coffee,
a rocket at dusk and a motorcycle.
"""

from pathlib import Path

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image

_FOLDER = Path(skimage.data.__file__).parent
_FILES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png")


def photographs() -> list[NDArray[np.uint8]]:
    """uint8 sRGB [H, W, 3] each, up to 741x500."""
    return [np.asarray(Image.open(_FOLDER / file).convert("RGB")) for file in _FILES]
