"""Contact sheets: pictures side by side, with captions beneath."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from trainer.errors import TrainerError

GAP = 6
"""Pixels between pictures."""
LINE = 16
"""Height of a caption's line in pixels."""


def row(pictures: Sequence[tuple[str, NDArray[np.uint8]]]) -> Image.Image:
    """Captions and pictures, uint8 RGB [H, W, 3], from left to right; a caption may have lines."""
    lines = max(caption.count("\n") + 1 for caption, _ in pictures)
    tallest = max(pixels.shape[0] for _, pixels in pictures)
    width = sum(pixels.shape[1] + GAP for _, pixels in pictures) - GAP
    drawn = Image.new("RGB", (width, tallest + lines * LINE + 2), "white")
    draw = ImageDraw.Draw(drawn)
    font = ImageFont.load_default(13)
    left = 0
    for caption, pixels in pictures:
        drawn.paste(Image.fromarray(pixels), (left, 0))
        place = (left + 2, pixels.shape[0] + 1)
        draw.text(place, caption, fill="black", font=font, spacing=1)
        left += pixels.shape[1] + GAP
    return drawn


def stack(rows: Sequence[Image.Image]) -> Image.Image:
    """Rows beneath each other, as wide as the widest."""
    width = max(row.width for row in rows)
    height = sum(row.height + GAP for row in rows) - GAP
    stacked = Image.new("RGB", (width, height), "white")
    top = 0
    for row in rows:
        stacked.paste(row, (0, top))
        top += row.height + GAP
    return stacked


def save(image: Image.Image, file: Path) -> None:
    """Write an image in the format that the file's name asks for, and say so.

    Raises TrainerError if that cannot be done.
    """
    try:
        image.save(file, quality=90)  # of JPEG
    except (OSError, ValueError) as error:
        raise TrainerError(f"{file}: {error}") from error
    print(f"wrote {file}")
