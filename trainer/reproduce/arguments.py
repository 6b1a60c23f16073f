"""Command-line options of the experiments of ``reproduce``."""

import argparse
from pathlib import Path

from trainer.arguments import Add, add_device, add_runs, add_store, add_vgg, positive


def add_experiments(parser: argparse.ArgumentParser) -> None:
    experiments = parser.add_subparsers(metavar="EXPERIMENT", required=True)

    def experiment(name: str, text: str) -> Add:
        added = experiments.add_parser(name, help=text, description=text)
        added.set_defaults(experiment=name)
        added.add_argument(
            "--out",
            type=Path,
            default=Path("docs/paper"),
            metavar="FOLDER",
            help="where figures and tables are written (%(default)s)",
        )
        add_runs(added.add_argument)
        return added.add_argument

    def add_style(add: Add) -> None:
        add("--style", default="wave", metavar="NAME", help="a trained style (%(default)s)")

    def add_sizes(add: Add, text: str) -> None:
        add(
            "--sizes",
            type=positive,
            nargs="+",
            default=[256, 512, 1024],
            metavar="PIXELS",
            help=f"{text} (256 512 1024)",
        )

    add = experiment("speed", "Table 1: a network's speed beside optimisation's.")
    add_style(add)
    add("--content", required=True, type=Path, metavar="FILE", help="a photograph")
    add_sizes(add, "sides of the photograph's centre")
    add(
        "--iterations",
        type=positive,
        nargs="+",
        default=[100, 300, 500],
        metavar="N",
        help="of L-BFGS (100 300 500)",
    )
    add(
        "--seconds",
        type=positive,
        default=300,
        metavar="S",
        help="that optimisation may take at each size; the rest is extrapolated (%(default)s)",
    )
    add_store(add)
    add_vgg(add)

    add = experiment("objective", "Figure 5: how many iterations a network is worth.")
    add_style(add)
    add(
        "--data",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="photographs that the style was not trained on",
    )
    add(
        "--photographs",
        type=positive,
        default=20,
        metavar="N",
        help="how many of them, in order of name (%(default)s)",
    )
    add_sizes(add, "sides of the centre crops")
    add(
        "--iterations",
        type=positive,
        nargs="+",
        default=[100],
        metavar="N",
        help="of L-BFGS, for all sizes or for each (100)",
    )
    add_vgg(add)
    add_device(add)

    for name, number, original in (
        ("content", 3, "a photograph"),
        ("style", 4, "a painting"),
    ):
        add = experiment(
            name, f"Figure {number}: what layers of VGG-16 know of a picture's {name}."
        )
        add("--image", required=True, type=Path, metavar="FILE", help=original)
        add(
            "--size",
            type=positive,
            default=192,
            metavar="PIXELS",
            help="side of its centre (%(default)s)",
        )
        add("--iterations", type=positive, default=100, metavar="N", help="a layer (%(default)s)")
        add_vgg(add)

    add = experiment("sizes", "Figure 7: styles at sizes that they were not trained at.")
    add(
        "--style",
        nargs="+",
        default=["wave", "starry_night"],
        metavar="NAME",
        help="trained styles (wave starry_night)",
    )
    add("--content", required=True, type=Path, metavar="FILE", help="a photograph")
    add_sizes(add, "longer sides")

    add = experiment("upscaling", "Figures 8 and 9: photographs given back from few pixels.")
    add("photographs", nargs="+", type=Path, metavar="PHOTOGRAPH")
    add(
        "--factors",
        type=int,
        nargs="+",
        choices=(4, 8),
        default=[4, 8],
        help="by which they are shrunk and enlarged (4 8)",
    )

    add = experiment("authors", "A Painter's pictures beside those that the authors published.")
    add(
        "--pictures",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="theirs, named PHOTOGRAPH_PAINTING.jpg",
    )
    add("--content", required=True, type=Path, metavar="FILE", help="the photograph")
    add("--model", default="painter", metavar="NAME", help="a trained Painter (%(default)s)")
    add_vgg(add)

    add = experiment("stability", "How much of a picture stays when the photograph moves.")
    add(
        "--model",
        action="append",
        metavar="NAME",
        help="a Painter or a style, as often as wanted (painter)",
    )
    add(
        "--weights",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="the same by trained weights (.safetensors), as often as wanted",
    )
    add("--data", required=True, type=Path, metavar="FOLDER", help="photographs")
    add(
        "--photographs",
        type=positive,
        default=10,
        metavar="N",
        help="how many of them, in order of name (%(default)s)",
    )
