"""Gallery sheet: a row for each style, its painting first, and a column for each photograph."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tqdm import tqdm

from trainer.evaluation.served_style import ServedStyle
from trainer.evaluation.trained_styles import TrainedStyle
from trainer.images import sheets
from trainer.images.photographs import pixels_of, read_rgb, tensor_of

WIDTH, HEIGHT = 640, 480
"""Size in pixels of what is stylised: the centre of a photograph."""
SHRINK = 2
"""How many times smaller it is shown."""
TITLE = 46
"""Characters of a title that fit a cell's width, in the font of captions."""


def sheet(styles: Sequence[TrainedStyle], photographs: Sequence[Path]) -> Image.Image:
    """The gallery sheet of trained styles, from top to bottom.

    Raises TrainerError if a photograph or a painting cannot be read.
    """
    contents = [centre(file) for file in photographs]
    empty = Image.new("RGB", (WIDTH, HEIGHT), "white")
    rows = [_row("", [empty, *contents])]
    for style in tqdm(styles, unit="style"):
        served = style.served()
        pictures = [painted(served, content) for content in contents]
        rows.append(_row(textwrap.fill(style.title, TITLE), [centre(style.file), *pictures]))
    return sheets.stack(rows)


def _row(title: str, images: Sequence[Image.Image]) -> Image.Image:
    small = [shrunk(image) for image in images]
    return sheets.row([(title, small[0]), *(("", pixels) for pixels in small[1:])])


def centre(file: Path) -> Image.Image:
    """The centre of a picture, WIDTH x HEIGHT; raises TrainerError if it cannot be read."""
    whole = Image.fromarray(pixels_of(read_rgb(file)))
    return ImageOps.fit(whole, (WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def painted(style: ServedStyle, image: Image.Image) -> Image.Image:
    return Image.fromarray(pixels_of(style.paint(tensor_of(np.asarray(image)))))


def shrunk(image: Image.Image) -> NDArray[np.uint8]:
    """As it is shown, uint8 RGB."""
    return np.asarray(image.reduce(SHRINK))
