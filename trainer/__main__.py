"""Trains, evaluates and exports image transformation networks."""

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.errors import TrainerError

# PyTorch takes seconds to import, so commands import what they need: --help answers at once.
if TYPE_CHECKING:
    import torch

    from trainer import checkpoint
    from trainer.losses import LossTerms, PerceptualLoss
    from trainer.recipe import Recipe
    from trainer.weights_file import TrainedModel

WEIGHTS = Path(__file__).parent / "weights"
DEFAULT_RECIPE = "wave"
"""Whose loss weights a painting without a recipe is optimised with."""


def main(arguments: list[str] | None = None) -> int:
    """Returns 0, 2 after an error that a person can mend, 130 if interrupted."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], None] = options.command
    try:
        command(options)
    except TrainerError as error:
        print(f"trainer: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("trainer: interrupted", file=sys.stderr)
        return 130
    return 0


def train(options: argparse.Namespace) -> None:
    from trainer import data, training, vgg_weights

    folder = options.runs / options.style
    device = _device(options.device)
    run = _resumed(options, folder, device) if options.resume else _started(options, folder, device)
    weights = training.train(
        run,
        vgg_weights.load(options.vgg),
        data.find_photographs(options.data),
        training.Options(
            folder=folder,
            device=device,
            workers=options.workers,
            preview_every=options.preview_every,
            checkpoint_every=options.checkpoint_every,
        ),
    )
    print(f"trained {weights}; next: python -m trainer export --style {options.style}")


def _started(options: argparse.Namespace, folder: Path, device: "torch.device") -> "checkpoint.Run":
    from trainer import checkpoint, recipe

    if (folder / checkpoint.NAME).exists() and not options.overwrite:
        raise TrainerError(
            f"{folder} holds a run already: --resume goes on with it, --overwrite starts again"
        )
    if options.overwrite and folder.exists():
        shutil.rmtree(folder)
    wanted = recipe.load(options.style)
    if options.steps is not None:
        wanted = wanted.with_steps(options.steps)
    if options.style_image is not None:
        wanted = wanted.with_style_image(options.style_image)
    run = checkpoint.new_run(wanted, device)
    if options.init_from is not None:
        run.warm_start(options.init_from)
    return run


def _resumed(options: argparse.Namespace, folder: Path, device: "torch.device") -> "checkpoint.Run":
    from trainer import checkpoint

    run = checkpoint.restore(folder, device)
    steps = run.recipe.schedule.steps
    if options.steps not in (None, steps):
        raise TrainerError(f"{folder} is a run of {steps} steps, not {options.steps}")
    return run


def evaluate(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from trainer import data, evaluation, recipe
    from trainer.networks import ServedStyleNet

    model = _trained(options.style, options.runs)
    photographs = data.find_photographs(options.data)[: options.photographs]
    objective = _objective(model.recipe, options.vgg)
    with tqdm(total=len(photographs) * max(evaluation.MILESTONES), unit="iteration") as bar:
        figures = evaluation.evaluate(
            ServedStyleNet(model.network), objective, photographs, options.size, bar.update
        )
    print(figures.table())
    if options.record:
        training = model.training.model_dump(mode="json", exclude_none=True)
        recipe.record(
            options.style,
            {
                "recipe_digest": model.recipe.digest,
                "training": training,
                "evaluation": figures.figures(),
            },
        )


def export(options: argparse.Namespace) -> None:
    from trainer import export, recipe, weights_file

    model = _trained(options.style, options.runs)
    packaged = WEIGHTS / f"{options.style}.safetensors"
    if not packaged.exists() or weights_file.load(packaged).training != model.training:
        weights_file.save(packaged, model)
        print(f"saved {packaged}")
    digest = export.export(
        model,
        options.style,
        options.store,
        photograph=options.photograph or model.recipe.style.file,
        evaluation=recipe.evaluation_of(options.style, model.recipe),
    )
    print(f"exported {options.store / options.style} sha256:{digest}")


def optimize(options: argparse.Namespace) -> None:
    from PIL import Image
    from tqdm import tqdm

    from trainer import data, gatys, recipe

    if options.style in recipe.names():
        followed = recipe.load(options.style)
    else:
        followed = recipe.load(DEFAULT_RECIPE).with_style_image(Path(options.style))
    content = data.read_rgb(options.content, options.short_side)
    objective = _objective(followed, options.vgg)
    with tqdm(total=options.iterations, unit="iteration") as bar:

        def show(_: int, __: object, terms: "LossTerms") -> None:
            bar.set_postfix_str(f"total {terms.total.item():.4g}", refresh=False)
            bar.update()

        image = gatys.optimize(objective, content, options.iterations, show)
    pixels = image[0].permute(1, 2, 0).round().byte().numpy()
    try:
        Image.fromarray(pixels).save(options.out)
    except (OSError, ValueError) as error:
        raise TrainerError(f"{options.out}: {error}") from error
    print(f"wrote {options.out}")


def vgg(options: argparse.Namespace) -> None:
    from trainer import vgg_weights

    vgg_weights.load(options.vgg)
    print(f"{options.vgg or vgg_weights.CACHE}: VGG-16 to relu4_3, verified")


def _trained(style: str, runs: Path) -> "TrainedModel":
    """The network of the newest run, else the one that is shipped."""
    import torch

    from trainer import checkpoint, training, weights_file

    folder = runs / style
    if (folder / training.WEIGHTS).exists():
        return weights_file.load(folder / training.WEIGHTS)
    if (folder / checkpoint.NAME).exists():
        return training.trained_model(checkpoint.restore(folder, torch.device("cpu")))
    packaged = WEIGHTS / f"{style}.safetensors"
    if packaged.exists():
        return weights_file.load(packaged)
    raise TrainerError(
        f"no trained weights of {style!r}; python -m trainer train --style {style} makes them"
    )


def _objective(followed: "Recipe", vgg_file: Path | None) -> "PerceptualLoss":
    from trainer import data, vgg_weights
    from trainer.losses import PerceptualLoss
    from trainer.vgg import VGG16

    painting = data.read_rgb(followed.style.file, followed.style.short_side)
    return PerceptualLoss(VGG16(vgg_weights.load(vgg_file)), painting, followed.loss)


def _device(name: str) -> "torch.device":
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise TrainerError(f"--device {name}: no such kind of device") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise TrainerError(f"--device {name}: PyTorch finds no GPU")
    return device


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trainer", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(
        name: str, run: Callable[[argparse.Namespace], None], text: str
    ) -> Callable[..., object]:
        added = commands.add_parser(
            name,
            help=text,
            description=text,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        added.set_defaults(command=run)
        return added.add_argument

    def add_vgg(add: Callable[..., object]) -> None:
        add(
            "--vgg",
            type=Path,
            metavar="FILE",
            help="VGG-16 weights (.safetensors or .pth); else cached or fetched",
        )

    def add_runs(add: Callable[..., object]) -> None:
        add("--runs", type=Path, default=Path("runs"), metavar="FOLDER", help="where runs are kept")

    add = command("train", train, "Train a network by its recipe.")
    add("--style", required=True, metavar="NAME", help="a recipe in trainer/recipes")
    add(
        "--data",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="photographs, searched recursively",
    )
    add("--style-image", type=Path, metavar="FILE", help="another painting than the recipe's")
    add("--steps", type=_positive, metavar="N", help="shorten or stretch the recipe's schedule")
    add("--init-from", type=Path, metavar="FILE", help="start from these weights (.safetensors)")
    add("--resume", action="store_true", help="go on from the run's checkpoint")
    add("--overwrite", action="store_true", help="start again although there is a run")
    add_vgg(add)
    add("--device", default="auto", help="cpu, cuda, cuda:N or auto")
    workers = min(8, max(1, (os.cpu_count() or 1) - 1))
    add(
        "--workers",
        type=_natural,
        default=workers,
        metavar="N",
        help="processes that decode photographs",
    )
    add("--preview-every", type=_positive, default=250, metavar="N", help="steps between previews")
    add(
        "--checkpoint-every",
        type=_positive,
        default=100,
        metavar="N",
        help="steps between checkpoints",
    )
    add_runs(add)

    add = command("evaluate", evaluate, "Compare a network with optimising photographs directly.")
    add("--style", required=True, metavar="NAME", help="a trained style")
    add(
        "--data",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="photographs it was not trained on",
    )
    add(
        "--photographs",
        type=_positive,
        default=10,
        metavar="N",
        help="how many of them, in order of name",
    )
    add("--size", type=_positive, default=256, metavar="PIXELS", help="side of the centre crops")
    add("--record", action="store_true", help="write the figures into the recipe's file")
    add_vgg(add)
    add_runs(add)

    add = command("export", export, "Write a trained network into the model store as ONNX.")
    add(
        "--style",
        required=True,
        metavar="NAME",
        help="a trained style: the newest run, else the shipped weights",
    )
    add("--store", type=Path, default=Path("model_store"), metavar="FOLDER", help="the model store")
    add("--photograph", type=Path, metavar="FILE", help="what the preview shows; else the painting")
    add_runs(add)

    add = command(
        "optimize", optimize, "Stylise one photograph by optimisation, without a network."
    )
    add("--content", required=True, type=Path, metavar="FILE", help="the photograph")
    add("--style", required=True, metavar="NAME|FILE", help="a recipe, or a painting")
    add("--iterations", type=_positive, default=100, metavar="N", help="of L-BFGS")
    add("--short-side", type=_positive, default=256, metavar="PIXELS", help="of the result")
    add("--out", type=Path, default=Path("optimized.png"), metavar="FILE", help="the result")
    add_vgg(add)

    add = command("vgg", vgg, "Fetch and verify the VGG-16 weights.")
    add_vgg(add)
    return parser


def _natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value


def _positive(text: str) -> int:
    value = _natural(text)
    if value == 0:
        raise argparse.ArgumentTypeError("0 is not positive")
    return value


if __name__ == "__main__":
    sys.exit(main())
