"""Decodes JPEG by libjpeg-turbo alone, in six tenths of Pillow's time.

Pillow calls the same library, for the same pixels, but keeps four bytes of each, which it then has
to copy as three. (``python -m tests.benchmarks.codecs``. Pillow encodes: this binding's encoder
uses the faster and less exact of the library's cosine transforms.)
"""

import numpy as np
import simplejpeg
from numpy.typing import NDArray


def decode(body: bytes, height: int, width: int) -> NDArray[np.uint8] | None:
    """The RGB pixels [H, W, 3] of a JPEG of this size.

    None if it is of another, or if the library warns of anything: Pillow knows which warnings mean
    that pixels are missing.
    """
    pixels = np.empty((height, width, 3), np.uint8)  # so that no more is decoded into memory
    try:
        decoded = simplejpeg.decode_jpeg(body, buffer=pixels)
    except ValueError:
        return None
    return decoded if decoded.shape == pixels.shape else None
