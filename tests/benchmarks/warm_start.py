"""How much sooner a style is learned from another style than from random weights.

    python -m tests.benchmarks.warm_start --data PHOTOGRAPHS --held-out OTHERS [--style NAME]

Trains by the style's recipe twice, once without its warm start, and keeps the weights every so
often under runs/warm_start/; a kill loses what came after. All of them are then measured on the
centres of photographs that they were not trained on.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from tests.benchmarks.markdown import Report, progress
from trainer import devices, weights_file
from trainer import recipe as recipes
from trainer.arguments import add_device, add_runs, add_vgg
from trainer.commands import WEIGHTS
from trainer.evaluation import styles
from trainer.evaluation.descents import mean
from trainer.evaluation.styles import Style
from trainer.evaluation.trained_styles import find
from trainer.images.photographs import find_photographs
from trainer.pretrained import vgg_weights
from trainer.pretrained.vgg import VGG16
from trainer.training import checkpoint, loop
from trainer.training.checkpoint import Run
from trainer.weights_file import TrainedModel

SNAPSHOTS = 26
"""Of each run, evenly."""
SIZE = 256
"""Side of what is measured, pixels."""
NEAR = 1.05
"""Times the loss that random weights come to: as good as that."""
STARTS = ("random weights", "warm start")


class Recorded(Run):
    """A run that keeps the weights of every checkpoint."""

    def save(self, folder: Path) -> None:
        super().save(folder)
        model = loop.trained_model(self)
        weights_file.save(folder / f"step_{self.progress.step:06}.safetensors", model)
        self.network.train()  # which it goes on to do


@dataclass(frozen=True)
class Point:
    steps: int
    seconds: float
    """Of training."""
    loss: float
    """Mean weighted total over photographs."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--style", default="starry_night", metavar="NAME", help="a recipe (%(default)s)")
    add("--data", type=Path, required=True, metavar="FOLDER", help="photographs to train on")
    add("--held-out", type=Path, required=True, metavar="FOLDER", help="photographs to measure on")
    add("--photographs", type=int, default=10, metavar="N", help="how many of them (%(default)s)")
    add("--steps", type=int, metavar="N", help="shorten or stretch the recipe's schedule")
    add("--markdown", type=Path, metavar="FILE", help="to append the table to")
    add_vgg(add)
    add_device(add)
    add_runs(add)
    options = parser.parse_args(arguments)

    device = devices.chosen(options.device)
    followed = recipes.load(options.style)
    if options.steps is not None:
        followed = followed.with_steps(options.steps)
    held_out = find_photographs(options.held_out)[: options.photographs]
    weights = vgg_weights.load(options.vgg)
    found: dict[str, list[Point]] = {}
    for start in STARTS:
        folder = options.runs / "warm_start" / options.style / start.replace(" ", "_")
        progress(f"{start}: {followed.schedule.steps} steps")
        run = _run(followed, start, folder, device)
        steps = followed.schedule.steps
        every = max(1, steps // SNAPSHOTS)
        where = loop.Options(folder, device, workers=1, preview_every=steps, checkpoint_every=every)
        loop.train(run, weights, find_photographs(options.data), where)
        models = [weights_file.load(file) for file in sorted(folder.glob("step_*.safetensors"))]
        found[start] = _measured(options.style, models, VGG16(weights), held_out, device)
    _report(found, len(held_out), Report(options.markdown))


def _run(followed: recipes.Recipe, start: str, folder: Path, device: torch.device) -> Recorded:
    """Goes on with what was killed."""
    if (folder / checkpoint.NAME).exists():
        return Recorded(**vars(checkpoint.restore(folder, device)))
    run = Recorded(**vars(checkpoint.new_run(followed, device)))
    if start != STARTS[0]:
        base = followed.init_from
        if base is None:
            raise SystemExit("the recipe has no init_from")
        run.warm_start(weights_file.load(WEIGHTS / f"{base}.safetensors"), base)
    return run


@torch.no_grad()
def _measured(
    name: str,
    models: Sequence[TrainedModel],
    vgg: VGG16,
    photographs: Sequence[Path],
    device: torch.device,
) -> list[Point]:
    images = [styles.centre_crop(file, SIZE).to(device) for file in photographs]
    points = []
    for model in models:
        progress(f"measuring after {model.training.steps} steps")
        style = Style.of(find(name, {name: model}.__getitem__), vgg, device)
        losses = [
            styles.measured(style.objective.toward(image), style.served.paint(image))
            for image in images
        ]
        trained = model.training
        points.append(Point(trained.steps, trained.seconds, mean(losses).total))
    return points


def _report(found: Mapping[str, Sequence[Point]], photographs: int, report: Report) -> None:
    final = found[STARTS[0]][-1].loss
    report.paragraph(
        f"Mean total loss over the centres of {photographs} photographs, {SIZE}x{SIZE}. From "
        f"random weights it ends at {final:.3g}; the last two columns say when each was first "
        f"within {NEAR - 1:.0%} of that."
    )
    rows = []
    for start, points in found.items():
        near = next((point for point in points if point.loss <= NEAR * final), None)
        reached = ["never", ""] if near is None else [f"{near.steps}", f"{near.seconds:.0f}"]
        rows.append([start, *(f"{point.loss:.3g}" for point in _quarters(points)), *reached])
    shown = (f"{point.steps} steps" for point in _quarters(found[STARTS[0]]))
    header = ["", *shown, "steps", "seconds"]
    report.table(header, rows)


def _quarters(points: Sequence[Point]) -> list[Point]:
    return [points[round(len(points) * n / 4) - 1] for n in (1, 2, 3, 4)]


if __name__ == "__main__":
    main()
