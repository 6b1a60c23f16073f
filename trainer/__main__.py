"""Trains, evaluates and exports image transformation networks."""

import argparse
import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path

from trainer.arguments import (
    add_device,
    add_model,
    add_out,
    add_runs,
    add_store,
    add_upscalers,
    add_vgg,
    natural,
    positive,
)
from trainer.errors import TrainerError
from trainer.reproduce.arguments import add_experiments

Command = Callable[[argparse.Namespace], None]

# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns 0, 2 after an error that a person can fix, 130 if interrupted."""
    options = _parser().parse_args(arguments)
    command = _commands()[options.command]
    try:
        command(options)
    except TrainerError as error:
        print(f"trainer: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("trainer: interrupted", file=sys.stderr)
        return 130
    return 0


def _commands() -> dict[str, Command]:
    """The functions of the commands, by the names that the parser gives them."""
    # Imported here, after --help: PyTorch takes seconds to import.
    from trainer import commands

    return {
        "train": commands.train,
        "keep": commands.keep,
        "evaluate": commands.evaluate,
        "crops": commands.crops,
        "gallery": commands.gallery,
        "mixtures": commands.mixtures,
        "export": commands.export,
        "optimize": commands.optimize,
        "reproduce": commands.reproduce,
        "vgg": commands.vgg,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trainer", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=name)
        return added

    training = command("train", "Train a network by its recipe.")
    add = training.add_argument
    add_model(add, "a recipe in trainer/recipes")
    add("--style-image", type=Path, metavar="FILE", help="a painting of your own; takes a --name")
    add("--name", metavar="NAME", help="of the run and of the model (the recipe's)")
    add(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="photographs, searched recursively",
    )
    add("--steps", type=positive, metavar="N", help="shorten or stretch the recipe's schedule")
    add("--init-from", type=Path, metavar="FILE", help="start from these weights (.safetensors)")
    again = training.add_mutually_exclusive_group().add_argument
    again("--resume", action="store_true", help="go on from the run's checkpoint")
    again(
        "--overwrite", action="store_true", help="start again where there is a run, which is lost"
    )
    add_vgg(add)
    add_device(add)
    workers = min(8, max(1, (os.cpu_count() or 1) - 1))
    add(
        "--workers",
        type=natural,
        default=workers,
        metavar="N",
        help="processes that decode photographs (%(default)s)",
    )
    add(
        "--preview-every",
        type=positive,
        default=250,
        metavar="N",
        help="steps between previews (%(default)s)",
    )
    add(
        "--checkpoint-every",
        type=positive,
        metavar="N",
        help="steps between checkpoints (a tenth of the run, at most 100)",
    )
    add_runs(add)

    add = command(
        "keep", "Put what it takes to go on with a run into trainer/weights."
    ).add_argument
    add_model(add, "the run")
    add_runs(add)

    evaluation = command(
        "evaluate",
        "Compare a style with optimising photographs directly, or upscalers with each other.",
    )
    kind = evaluation.add_mutually_exclusive_group(required=True).add_argument
    kind("--style", metavar="NAME", help="a trained style")
    kind("--upscale", type=int, choices=(4, 8), help="upscalers of this factor, and bicubic")
    add = evaluation.add_argument
    add(
        "--data",
        "--set",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="photographs they were not trained on",
    )
    add(
        "--photographs",
        type=positive,
        metavar="N",
        help="how many of them, in order of name (a style: 10, upscalers: all)",
    )
    add("--record", action="store_true", help="write the figures into the recipes' files")
    add = evaluation.add_argument_group("styles").add_argument
    add(
        "--size",
        type=positive,
        default=256,
        metavar="PIXELS",
        help="side of the centre crops (%(default)s)",
    )
    add_vgg(add)
    add_device(add)
    add = evaluation.add_argument_group("upscalers").add_argument
    add_upscalers(add)
    add("--csv", type=Path, metavar="FILE", help="a line for every photograph and method")
    add_runs(evaluation.add_argument)

    add = command("crops", "Show what upscalers make of photographs, side by side.").add_argument
    add("--upscale", type=int, choices=(4, 8), required=True, help="upscalers of this factor")
    add_upscalers(add)
    add("photographs", nargs="+", type=Path, metavar="PHOTOGRAPH")
    add_out(add, "crops.png")
    add_runs(add)

    add = command("gallery", "Show what styles make of photographs, on one sheet.").add_argument
    add(
        "--style",
        action="append",
        metavar="NAME",
        help="a style, or a Painter with all of its styles, as often as wanted (all of the store)",
    )
    add("photographs", nargs="+", type=Path, metavar="PHOTOGRAPH")
    add_out(add, "gallery.jpg")
    add_store(add)
    add_runs(add)

    add = command(
        "mixtures", "Show a Painter's stroke sizes and blends, on one sheet."
    ).add_argument
    add("--style", required=True, metavar="NAME", help="a style of a Painter")
    add("--blend", required=True, metavar="NAME", help="another one, into which it changes")
    add("photograph", type=Path, metavar="PHOTOGRAPH")
    add_out(add, "mixtures.jpg")
    add_runs(add)

    exporting = command("export", "Write a trained network into the model store as ONNX.")
    which = exporting.add_mutually_exclusive_group(required=True).add_argument
    add_model(which, "a trained model: the newest run, else the shipped weights")
    which("--all", action="store_true", help="every model that the store has")
    add = exporting.add_argument
    add_store(add)
    add(
        "--version",
        type=positive,
        default=1,
        metavar="N",
        help="as which version; the highest is served (%(default)s)",
    )
    add("--photograph", type=Path, metavar="FILE", help="what a new preview shows")
    add_runs(add)

    add = command(
        "optimize", "Stylise one photograph by optimisation, without a network."
    ).add_argument
    add("--content", required=True, type=Path, metavar="FILE", help="the photograph")
    add("--style", required=True, metavar="NAME|FILE", help="a recipe, or a painting")
    add("--iterations", type=positive, default=100, metavar="N", help="of L-BFGS (%(default)s)")
    add(
        "--short-side",
        type=positive,
        default=256,
        metavar="PIXELS",
        help="of the result (%(default)s)",
    )
    add_out(add, "optimized.png")
    add_vgg(add)

    reproducing = command(
        "reproduce", "Repeat an experiment of the paper; writes figures and tables."
    )
    add_experiments(reproducing)

    add_vgg(command("vgg", "Fetch and verify the VGG-16 weights.").add_argument)
    return parser


def keep_freed_memory() -> None:
    """Tell glibc to keep freed memory for later blocks; does nothing where there is no glibc.

    By default it maps every block of more than 32 MiB and unmaps it when it is freed. Activations
    of large photographs are such blocks: the system spends a third of an iteration of optimisation
    at 1024 pixels on clearing their pages.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, -1)
        mallopt(_M_TOP_PAD, 256 << 20)


if __name__ == "__main__":
    keep_freed_memory()
    sys.exit(main())
