"""Warping error: how far pictures of two frames differ, once the movement between them is undone.

The second frame is the photograph moved as in training (shifted by some pixels, a little nearer or
farther, relit), so the movement is known exactly. Lai et al. 2018 (arXiv:1808.00449) measure
films so, with an estimated movement.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
from torch import Tensor
from tqdm import tqdm

from trainer.evaluation.served_style import ServedStyle
from trainer.evaluation.styles import centre_crop
from trainer.evaluation.trained_styles import TrainedStyle
from trainer.reproduce.report import Report, table
from trainer.training.scenes import Movement

SIZE = 256
"""Side of the photographs' centres in pixels, as in training."""
SEED = 0

Errors = Sequence[float]
"""Mean squared differences in units of the range, in the order of the photographs."""


def run(
    networks: Mapping[str, Sequence[TrainedStyle]], photographs: Sequence[Path], report: Report
) -> None:
    """Write the error of each network's styles as CSV, and means over photographs as Markdown.

    Each photograph moves once, for all networks alike.
    """
    frames = [_frames(file, n) for n, file in enumerate(photographs)]
    errors: dict[str, dict[str, Errors]] = {name: {} for name in networks}
    with tqdm(total=sum(map(len, networks.values())), unit="style") as bar:
        for name, styles in networks.items():
            for style in styles:
                bar.set_description(f"{name}, {style.label}")
                errors[name][style.label] = _errors(style.served(), frames)
                bar.update()
    report.csv(
        ["network", "style", "photograph", "squared_difference"],
        [
            [name, style, file.name, float(f"{error:.4g}")]
            for name, of_styles in errors.items()
            for style, found in of_styles.items()
            for file, error in zip(photographs, found, strict=True)
        ],
    )
    count = len(photographs)
    report.markdown(
        "Mean squared difference between the moved picture and the picture of the moved "
        f"photograph, in thousandths of the squared range, over the centres of {count} "
        f"photograph{'s' * (count > 1)}, {SIZE}x{SIZE}, each moved once; pictures as they are "
        "served, compared at half the size, away from the border.",
        table(["style", *errors], _lines(errors)),
    )


def _frames(file: Path, number: int) -> tuple[Movement, Tensor, Tensor]:
    """A movement, and the photograph before and after it."""
    movement = Movement.random(np.random.default_rng((SEED, number)))
    before = centre_crop(file, SIZE)
    return movement, before, movement(before).clamp(0, 255)


def _errors(style: ServedStyle, frames: Sequence[tuple[Movement, Tensor, Tensor]]) -> Errors:
    return [
        movement.error(style.paint(before), style.paint(after)).item()
        for movement, before, after in frames
    ]


def _lines(errors: Mapping[str, Mapping[str, Errors]]) -> list[list[str]]:
    """A row for each style, and the mean of those that all networks have."""
    styles = list(dict.fromkeys(style for of in errors.values() for style in of))
    shared = [style for style in styles if all(style in of for of in errors.values())]
    lines = [
        [style, *(_thousandths(of[style]) if style in of else "" for of in errors.values())]
        for style in styles
    ]
    if len(shared) > 1:
        means = ([fmean(of[style]) for style in shared] for of in errors.values())
        lines.append([f"mean of {len(shared)} styles", *map(_thousandths, means)])
    return lines


def _thousandths(errors: Errors) -> str:
    return f"{1000 * fmean(errors):.2f}"
