"""Beside the pictures that the paper's authors published for one photograph.

Theirs are by one network for each painting, ours by a Painter, of the same photograph at the size
at which theirs was published.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from trainer.errors import TrainerError
from trainer.evaluation.trained_styles import PainterStyle
from trainer.images import sheets
from trainer.images.photographs import find_photographs, pixels_of, read_rgb, tensor_of
from trainer.perceptual import TwoScaleStyle
from trainer.pretrained.vgg import VGG16
from trainer.reproduce.report import Report, table

SHOWN_WIDTH = 510
"""Pixels of each picture on the sheet."""


@dataclass(frozen=True)
class Pair:
    """A picture of theirs and the file it is in, with our style for the same painting."""

    file: Path
    ours: PainterStyle


@dataclass(frozen=True)
class Errors:
    """Relative errors of a picture: at relu3_3, and the mean over four layers and two scales."""

    content: float
    style: float


@dataclass(frozen=True)
class Compared:
    """The errors of both pictures of one painting."""

    name: str
    width: int
    height: int
    theirs: Errors
    ours: Errors


def pairs(folder: Path, photograph: Path, styles: Sequence[PainterStyle]) -> list[Pair]:
    """Pictures named ``<photograph>_<painting>`` in a folder, of paintings that we have.

    In the order of our styles. Raises TrainerError if there is none.
    """
    files = {file.stem: file for file in find_photographs(folder)}
    named = [(f"{photograph.stem}_{style.painting.name}", style) for style in styles]
    found = [Pair(files[name], style) for name, style in named if name in files]
    if not found:
        raise TrainerError(f"{folder}: no {photograph.stem}_NAME.jpg with the name of a style")
    return found


def run(found: Sequence[Pair], photograph: Path, vgg: VGG16, report: Report) -> None:
    """Write each picture's errors as CSV and Markdown, and all pictures on one sheet as JPEG."""
    compared, rows = [], []
    with tqdm(total=len(found), unit="painting") as bar:
        for pair in found:
            bar.set_description(pair.ours.painting.name)
            theirs = read_rgb(pair.file)
            content = _resized(photograph, theirs)
            ours = pair.ours.served().paint(content)
            painting = read_rgb(pair.ours.file, pair.ours.short_side)
            style = TwoScaleStyle(vgg, [painting])
            height, width = theirs.shape[2:]
            both = (Errors(*style.measure(each, content, 0)) for each in (theirs, ours))
            compared.append(Compared(pair.ours.painting.name, width, height, *both))
            rows.append(_row(compared[-1], content, theirs, ours))
            bar.update()
    report.csv(
        ["painting", "width", "height", "picture", "content", "style"],
        [
            [one.name, one.width, one.height, whose, round(of.content, 4), round(of.style, 4)]
            for one in compared
            for whose, of in (("authors", one.theirs), ("ours", one.ours))
        ],
    )
    picture = report.picture(
        sheets.stack(rows), "The photograph, the authors' picture, ours", suffix=".jpg"
    )
    report.markdown(
        picture,
        "Relative squared errors, lower is better: of content at relu3_3; of style, the mean over "
        "four layers and two scales, against the painting at a short side of "
        f"{found[0].ours.short_side} pixels. Theirs as it was published, ours as it is served.",
        table(
            ["painting", "size", "content, theirs", "ours", "style, theirs", "ours", "ahead"],
            [_cells(one) for one in compared],
        ),
    )


def _resized(photograph: Path, like: Tensor) -> Tensor:
    """The photograph at the size of a picture of it, float RGB [1, 3, H, W] in [0, 255]."""
    height, width = like.shape[2:]
    whole = Image.fromarray(pixels_of(read_rgb(photograph)))
    return tensor_of(np.asarray(whole.resize((width, height), Image.Resampling.BICUBIC)))


def _cells(one: Compared) -> list[str]:
    content = _least(one.theirs.content, one.ours.content)
    style = _least(one.theirs.style, one.ours.style)
    ahead = content if content == style else f"content {content}, style {style}"
    return [
        one.name,
        f"{one.width}x{one.height}",
        f"{one.theirs.content:.3f}",
        f"{one.ours.content:.3f}",
        f"{one.theirs.style:.3f}",
        f"{one.ours.style:.3f}",
        ahead,
    ]


def _least(theirs: float, ours: float) -> str:
    return "ours" if ours < theirs else "theirs"


def _row(one: Compared, content: Tensor, theirs: Tensor, ours: Tensor) -> Image.Image:
    def figures(whose: str, errors: Errors) -> str:
        return f"{whose}: content {errors.content:.2f}, style {errors.style:.3f}"

    captions = (
        f"{one.name}, {one.width}x{one.height}",
        figures("theirs", one.theirs),
        figures("ours", one.ours),
    )
    shape = (SHOWN_WIDTH, round(one.height * SHOWN_WIDTH / one.width))
    shown = [
        np.asarray(Image.fromarray(pixels_of(image)).resize(shape, Image.Resampling.LANCZOS))
        for image in (content, theirs, ours)
    ]
    return sheets.row(list(zip(captions, shown, strict=True)))
