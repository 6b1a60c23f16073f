"""Command-line options that several commands share, and types of numbers."""

import argparse
from collections.abc import Callable
from pathlib import Path

Add = Callable[..., object]
"""``add_argument`` of a parser or of a group."""


def add_vgg(add: Add) -> None:
    add(
        "--vgg",
        type=Path,
        metavar="FILE",
        help="VGG-16 weights (.safetensors or .pth); else cached or fetched",
    )


def add_device(add: Add) -> None:
    add("--device", default="auto", help="cpu, cuda, cuda:N or auto (%(default)s)")


def add_runs(add: Add) -> None:
    add(
        "--runs",
        type=Path,
        default=Path("runs"),
        metavar="FOLDER",
        help="where runs are kept (%(default)s)",
    )


def add_store(add: Add) -> None:
    add(
        "--store",
        type=Path,
        default=Path("model_store"),
        metavar="FOLDER",
        help="the model store (%(default)s)",
    )


def add_out(add: Add, default: str) -> None:
    add(
        "--out",
        type=Path,
        default=Path(default),
        metavar="FILE",
        help="the result (%(default)s)",
    )


def add_model(add: Add, text: str) -> None:
    add("--style", "--model", dest="model", metavar="NAME", help=text)


def add_upscalers(add: Add) -> None:
    add(
        "--model",
        action="append",
        metavar="NAME",
        help="one to compare, as often as wanted (upscale_xFACTOR_pixel and _feature)",
    )
    add("--match-histogram", action="store_true", help="to the input's, as the paper does")


def natural(text: str) -> int:
    """A whole number from 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value


def positive(text: str) -> int:
    """A whole number from 1."""
    value = natural(text)
    if value == 0:
        raise argparse.ArgumentTypeError("0 is not positive")
    return value
