"""Gallery sheet: a row for each style, its painting first, and a column for each photograph."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from trainer.evaluation.styles import stylize
from trainer.images import sheets
from trainer.images.photographs import pixels_of, read_rgb, tensor_of
from trainer.networks.served import ServedStyleNet
from trainer.networks.style import StyleNet
from trainer.recipe import StylizeRecipe
from trainer.weights_file import TrainedModel

WIDTH, HEIGHT = 640, 480
"""Size in pixels of what is stylised: the centre of a photograph."""
SHRINK = 2
"""How many times smaller it is shown."""
TITLE = 46
"""Characters of a title that fit a cell's width, in the font of captions."""


def sheet(styles: Mapping[str, TrainedModel], photographs: Sequence[Path]) -> Image.Image:
    """The gallery sheet of trained styles, by name.

    Raises TrainerError if a photograph or a painting cannot be read.
    """
    contents = [_centre(file) for file in photographs]
    empty = Image.new("RGB", (WIDTH, HEIGHT), "white")
    rows = [_row("", [empty, *contents])]
    for model in styles.values():
        assert isinstance(model.recipe, StylizeRecipe)
        assert isinstance(model.network, StyleNet)
        served = ServedStyleNet(model.network).eval()
        painted = [_painted(served, content) for content in contents]
        title = textwrap.fill(model.recipe.title, TITLE)
        rows.append(_row(title, [_centre(model.recipe.style.file), *painted]))
    return sheets.stack(rows)


def _row(title: str, images: Sequence[Image.Image]) -> Image.Image:
    small = [np.asarray(image.reduce(SHRINK)) for image in images]
    return sheets.row([(title, small[0]), *(("", pixels) for pixels in small[1:])])


def _centre(file: Path) -> Image.Image:
    whole = Image.fromarray(pixels_of(read_rgb(file)))
    return ImageOps.fit(whole, (WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def _painted(served: ServedStyleNet, image: Image.Image) -> Image.Image:
    painted = stylize(served, tensor_of(np.asarray(image)))
    return Image.fromarray(pixels_of(painted))
