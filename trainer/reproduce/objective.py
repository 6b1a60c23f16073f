"""How many iterations of optimisation one pass of a network is worth, by size (paper, figure 5).

All losses are taken in float32: of optimisation after each iteration of L-BFGS, of the network
from the bytes that it serves.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor
from tqdm import tqdm

from trainer.evaluation import Losses, centre_crop, descent, mean, measured, stylize
from trainer.losses import PerceptualLoss
from trainer.networks import ServedStyleNet
from trainer.recipe import StylizeRecipe
from trainer.reproduce.descents import Descents, deviation
from trainer.reproduce.figures import losses_by_iteration
from trainer.reproduce.kept import Kept, digest
from trainer.reproduce.report import Cell, Report, table

MILESTONES = (10, 50, 100)
"""Iterations that the table shows; the CSV file has all."""


@dataclass(frozen=True)
class Style:
    """A trained style, and what it was trained to minimise."""

    recipe: StylizeRecipe
    network: ServedStyleNet
    objective: PerceptualLoss


def run(
    style: Style,
    photographs: Sequence[Path],
    sizes: Sequence[int],
    iterations: int,
    kept: Kept,
    report: Report,
) -> None:
    """Optimise the centre of each photograph at each size, and compare with the network."""
    with _progress(sizes, len(photographs) * iterations) as bar:
        rows = [measure(style, photographs, size, iterations, kept, bar) for size in sizes]
    report.csv(
        ["size", "method", "iteration", "photographs", *Losses.__annotations__, "total_deviation"],
        [line for row in rows for line in _lines(row)],
    )
    picture = report.picture(losses_by_iteration(rows), "Total loss by iteration, a panel a size")
    report.markdown(picture, *_paragraphs(rows, iterations))


def measure(
    style: Style,
    photographs: Sequence[Path],
    size: int,
    iterations: int,
    kept: Kept,
    bar: "tqdm[None]",
) -> Descents:
    """The network is measured anew; optimisation, which takes hours, only where it is not kept."""
    work = size * size / 1e6
    untouched: list[Losses] = []
    network: list[Losses] = []
    optimized: list[list[Losses]] = []
    for file in photographs:
        bar.set_description(f"{size} px, {file.stem}")
        image = centre_crop(file, size)
        target = style.objective.content_target(image)
        untouched.append(measured(style.objective, image, target))
        network.append(measured(style.objective, stylize(style.network, image), target))
        before = bar.n
        found = kept.numbers(
            f"{size}_{file.stem}",
            {**_minimised(style.recipe), "photograph": digest(file), "iterations": iterations},
            partial(_optimized, style.objective, image, iterations, partial(bar.update, work)),
        )
        if bar.n == before:  # what was kept takes no time
            bar.total -= iterations * work
        optimized.append([Losses(**one) for one in found])
    return Descents(size, untouched, network, optimized)


def _optimized(
    objective: PerceptualLoss,
    image: Tensor,
    iterations: int,
    on_iteration: Callable[[], object],
) -> list[dict[str, float]]:
    return [asdict(losses) for losses in descent(objective, image, iterations, on_iteration)]


def _minimised(recipe: StylizeRecipe) -> dict[str, Any]:
    """What decides how optimisation goes, whatever network there is."""
    terms = {"content_tap", "style_taps", "content_weight", "style_weight", "tv_weight"}
    return {
        "loss": recipe.loss.model_dump(mode="json", include=terms),
        "painting": digest(recipe.style.file),
        "short_side": recipe.style.short_side,
    }


@contextmanager
def _progress(sizes: Sequence[int], iterations: int) -> Iterator["tqdm[None]"]:
    """In megapixels, so that the time left is right although sizes take turns."""
    total = sum(size * size * iterations / 1e6 for size in sizes)
    shown = "{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]"
    with tqdm(total=total, bar_format=shown) as bar:
        yield bar


def _lines(row: Descents) -> Iterator[list[Cell]]:
    methods: list[tuple[str, int | None, Sequence[Losses]]] = [
        ("photograph", None, row.untouched),
        ("network", None, row.network),
    ]
    by_iteration = zip(*row.optimized, strict=True)
    methods += [("optimised", n, losses) for n, losses in enumerate(by_iteration, 1)]
    for method, iteration, losses in methods:
        numbers = (*astuple(mean(losses)), deviation(losses))
        rounded = [float(f"{number:.6g}") for number in numbers]
        yield [row.size, method, iteration, len(losses), *rounded]


def _paragraphs(rows: Sequence[Descents], iterations: int) -> tuple[str, ...]:
    milestones = [n for n in MILESTONES if n <= iterations]
    header = ["size", "photograph", *(f"optimised, {n}" for n in milestones)]
    header += ["**network**", "equals iterations"]
    lines = []
    for row in rows:
        by_iteration = row.by_iteration()
        totals = [mean(row.untouched), *(by_iteration[n - 1] for n in milestones)]
        equals = f"more than {iterations}" if row.matched_at is None else str(row.matched_at)
        lines.append(
            [
                f"{row.size}x{row.size}",
                *(f"{losses.total:.3g}" for losses in totals),
                f"**{mean(row.network).total:.3g}**",
                f"**{equals}**",
            ]
        )
    count = len(rows[0].network)
    photographs = "photograph" if count == 1 else "photographs"
    return (
        f"Mean total loss over the centres of {count} {photographs}, untouched, optimised by so "
        "many iterations of L-BFGS, and after one pass of the network; the first iteration that "
        "is no worse than the network.",
        table(header, lines),
    )
