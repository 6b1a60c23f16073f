"""python -m trainer train | export | evaluate | optimize | vgg"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from trainer.errors import TrainerError

DEFAULT_WORKERS = min(8, max(1, (os.cpu_count() or 1) - 1))


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], None] = options.command
    try:
        command(options)
    except TrainerError as error:
        print(f"trainer: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def train(options: argparse.Namespace) -> None:
    import torch

    from trainer import checkpoint, data, recipe, training, vgg_weights, weights_file

    folder = options.runs / options.style
    device = _device(options.device)
    started = (folder / checkpoint.NAME).exists()
    if options.resume:
        run = checkpoint.restore(folder, device)
        if options.steps not in (None, run.recipe.schedule.steps):
            raise TrainerError(
                f"{folder} was started with --steps {run.recipe.schedule.steps}; "
                "leave --steps out to go on with it"
            )
    elif started and not options.overwrite:
        raise TrainerError(
            f"{folder} holds a run already: --resume goes on with it, --overwrite starts again"
        )
    else:
        wanted = recipe.load(options.style)
        if options.steps is not None:
            wanted = wanted.with_steps(options.steps)
        if options.style_image is not None:
            wanted = wanted.with_style_image(options.style_image)
        run = checkpoint.new_run(wanted, device)
        if options.init_from is not None:
            run.warm_start(options.init_from)
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


def _device(name: str) -> "torch.device":
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    elif name.startswith("cuda") and not torch.cuda.is_available():
        raise TrainerError(f"--device {name}: PyTorch finds no GPU")
    return torch.device(name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trainer", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    command = commands.add_parser("train", help="train a network by its recipe")
    command.set_defaults(command=train)
    command.add_argument("--style", required=True, metavar="NAME", help="a recipe: recipes/NAME.toml")
    command.add_argument("--data", required=True, type=Path, metavar="FOLDER", help="photographs, searched recursively")
    command.add_argument("--style-image", type=Path, metavar="FILE", help="another painting than the recipe's")
    command.add_argument("--steps", type=_positive, metavar="N", help="shorten or stretch the recipe's schedule")
    command.add_argument("--init-from", type=Path, metavar="FILE", help="start from these weights")
    again = command.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on from the run's checkpoint")
    again.add_argument("--overwrite", action="store_true", help="start again where a run exists")
    command.add_argument("--vgg", type=Path, metavar="FILE", help="VGG-16 weights (.safetensors or .pth)")
    command.add_argument("--device", default="auto", help="cpu, cuda, cuda:N or auto (default)")
    command.add_argument("--workers", type=int, default=DEFAULT_WORKERS, metavar="N", help="processes that decode photographs (default %(default)s)")
    command.add_argument("--preview-every", type=_positive, default=250, metavar="N", help="steps between preview pictures (default %(default)s)")
    command.add_argument("--checkpoint-every", type=_positive, default=100, metavar="N", help="steps between checkpoints (default %(default)s)")
    command.add_argument("--runs", type=Path, default=Path("runs"), metavar="FOLDER", help="where runs are kept (default %(default)s)")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


if __name__ == "__main__":
    sys.exit(main())
