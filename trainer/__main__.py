"""Trains, evaluates and exports image transformation networks."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from trainer.errors import TrainerError


def main(arguments: list[str] | None = None) -> int:
    """Returns 0, 2 after an error that a person can mend, 130 if interrupted."""
    options = _parser().parse_args(arguments)
    # Not above: PyTorch takes seconds to import, and --help should not.
    from trainer import commands

    command: Callable[[argparse.Namespace], None] = getattr(commands, options.command)
    try:
        command(options)
    except TrainerError as error:
        print(f"trainer: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("trainer: interrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trainer", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=name)
        return added

    def add_vgg(add: Callable[..., object]) -> None:
        add(
            "--vgg",
            type=Path,
            metavar="FILE",
            help="VGG-16 weights (.safetensors or .pth); else cached or fetched",
        )

    def add_runs(add: Callable[..., object]) -> None:
        add(
            "--runs",
            type=Path,
            default=Path("runs"),
            metavar="FOLDER",
            help="where runs are kept (%(default)s)",
        )

    training = command("train", "Train a network by its recipe.")
    add = training.add_argument
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
    again = training.add_mutually_exclusive_group().add_argument
    again("--resume", action="store_true", help="go on from the run's checkpoint")
    again(
        "--overwrite", action="store_true", help="start again where there is a run, which is lost"
    )
    add_vgg(add)
    add("--device", default="auto", help="cpu, cuda, cuda:N or auto (%(default)s)")
    workers = min(8, max(1, (os.cpu_count() or 1) - 1))
    add(
        "--workers",
        type=_natural,
        default=workers,
        metavar="N",
        help="processes that decode photographs (%(default)s)",
    )
    add(
        "--preview-every",
        type=_positive,
        default=250,
        metavar="N",
        help="steps between previews (%(default)s)",
    )
    add(
        "--checkpoint-every",
        type=_positive,
        metavar="N",
        help="steps between checkpoints (a tenth of the run, at most 100)",
    )
    add_runs(add)

    add = command(
        "evaluate", "Compare a network with optimising photographs directly."
    ).add_argument
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
        help="how many of them, in order of name (%(default)s)",
    )
    add(
        "--size",
        type=_positive,
        default=256,
        metavar="PIXELS",
        help="side of the centre crops (%(default)s)",
    )
    add("--record", action="store_true", help="write the figures into the recipe's file")
    add_vgg(add)
    add_runs(add)

    add = command("export", "Write a trained network into the model store as ONNX.").add_argument
    add(
        "--style",
        required=True,
        metavar="NAME",
        help="a trained style: the newest run, else the shipped weights",
    )
    add(
        "--store",
        type=Path,
        default=Path("model_store"),
        metavar="FOLDER",
        help="the model store (%(default)s)",
    )
    add("--photograph", type=Path, metavar="FILE", help="what a new preview shows")
    add_runs(add)

    add = command(
        "optimize", "Stylise one photograph by optimisation, without a network."
    ).add_argument
    add("--content", required=True, type=Path, metavar="FILE", help="the photograph")
    add("--style", required=True, metavar="NAME|FILE", help="a recipe, or a painting")
    add("--iterations", type=_positive, default=100, metavar="N", help="of L-BFGS (%(default)s)")
    add(
        "--short-side",
        type=_positive,
        default=256,
        metavar="PIXELS",
        help="of the result (%(default)s)",
    )
    add(
        "--out",
        type=Path,
        default=Path("optimized.png"),
        metavar="FILE",
        help="the result (%(default)s)",
    )
    add_vgg(add)

    add_vgg(command("vgg", "Fetch and verify the VGG-16 weights.").add_argument)
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
