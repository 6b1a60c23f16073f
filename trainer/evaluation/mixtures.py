"""Mixtures sheet: one photograph with smaller and larger strokes, and between two styles."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from trainer.errors import TrainerError
from trainer.evaluation.gallery import centre, painted, shrunk
from trainer.evaluation.served_style import ServedStyle, row_at
from trainer.evaluation.trained_styles import PainterStyle
from trainer.images import sheets

STROKES = (0.5, 0.7, 1.0, 1.4, 2.0)
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Of the other style."""


def sheet(style: PainterStyle, other: PainterStyle, photograph: Path) -> Image.Image:
    """A row of STROKES of the first style, and a row of its mixtures with the other.

    Raises TrainerError if the two are not of one Painter, or the photograph cannot be read.
    """
    if style.name != other.name:
        names = (f"{of.name}/{of.painting.name}" for of in (style, other))
        raise TrainerError(f"{' and '.join(names)} are not of one Painter")
    own, others = (row_at(of.rows, 1.0) for of in (style, other))
    strokes = [
        (f"{style.painting.name}, stroke {stroke:g}", row_at(style.rows, stroke))
        for stroke in STROKES
    ]
    blends = [(_caption(style, other, share), torch.lerp(own, others, share)) for share in SHARES]
    network, content = style.served().network, centre(photograph)
    with tqdm(total=len(strokes) + len(blends), unit="picture") as bar:

        def row(captioned: Sequence[tuple[str, torch.Tensor]]) -> Image.Image:
            pictures: list[tuple[str, NDArray[np.uint8]]] = []
            for caption, row in captioned:
                pictures.append((caption, shrunk(painted(ServedStyle(network, row), content))))
                bar.update()
            return sheets.row(pictures)

        return sheets.stack([row(strokes), row(blends)])


def _caption(style: PainterStyle, other: PainterStyle, share: float) -> str:
    parts = [(style.painting.name, 1 - share), (other.painting.name, share)]
    return ", ".join(f"{part:.0%} {name}" for name, part in parts if part)
