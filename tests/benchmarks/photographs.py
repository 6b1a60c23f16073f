"""Real photographs as JPEG files: all of one shape, or of many."""

import random
from functools import cache
from io import BytesIO
from itertools import cycle, islice
from typing import Literal

import skimage.data
from PIL import Image, ImageOps

Shapes = Literal["uniform", "mixed"]

SIDES = (256, 512, 1024)
CYCLE = 15
"""After so many, photographs of either kind of shapes repeat."""
_NAMES = ("astronaut", "chelsea", "coffee", "rocket", "motorcycle_left.png")


def photographs(shapes: Shapes, count: int, seed: int = 0) -> list[bytes]:
    """So many photographs, in an order that the seed decides.

    ``uniform``: 512x512 each. ``mixed``: every photograph in its own proportions, with a longer
    side of 256, 512 and 1024 pixels: 15 pictures of 12 shapes, in turn.
    """
    files = list(_files(shapes))
    random.Random(seed).shuffle(files)
    return list(islice(cycle(files), count))


def square(side: int) -> bytes:
    """The portrait of an astronaut, of that many pixels a side."""
    return _jpeg(ImageOps.fit(_photograph("astronaut"), (side, side)))


@cache
def _files(shapes: Shapes) -> tuple[bytes, ...]:
    pictures = [_photograph(name) for name in _NAMES]
    if shapes == "uniform":
        resized = [ImageOps.fit(picture, (512, 512)) for picture in pictures]
    else:
        resized = [_with_longer_side(picture, side) for side in SIDES for picture in pictures]
    return tuple(_jpeg(picture) for picture in resized)


def _photograph(name: str) -> Image.Image:
    if name.endswith(".png"):  # half of a stereo pair, which has no function of its own
        return Image.open(f"{skimage.data.__path__[0]}/{name}").convert("RGB")
    return Image.fromarray(getattr(skimage.data, name)())


def _with_longer_side(picture: Image.Image, side: int) -> Image.Image:
    scale = side / max(picture.size)
    return picture.resize((round(picture.width * scale), round(picture.height * scale)))


def _jpeg(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()
