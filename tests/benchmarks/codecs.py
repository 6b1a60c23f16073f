"""Pillow against a binding of libjpeg-turbo alone: the service decodes by the one that is faster,
and encodes by the one that is more exact.

python -m tests.benchmarks.codecs [--repeats 30]
"""

import argparse
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks import environments
from tests.benchmarks.markdown import Report
from tests.benchmarks.photographs import SIDES, square
from tests.conftest import ROOT

PACKAGE = "jpeg"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--markdown", type=Path, help="file to append the table to")
    options = parser.parse_args(arguments)

    with TemporaryDirectory() as folder:
        files = [Path(folder) / f"{side}.jpg" for side in SIDES]
        for file, side in zip(files, SIDES, strict=True):
            file.write_bytes(square(side))
        command = [
            environments.python(PACKAGE),
            "-m",
            f"tests.benchmarks.peers.{PACKAGE}.worker",
            str(options.repeats),
            *files,
        ]
        answer = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    report = Report(options.markdown)
    report.paragraph(f"One thread, median milliseconds of {options.repeats}, JPEG of quality 90:")
    report.table(
        [
            *("image", "decode, Pillow", "simplejpeg", "encode, Pillow", "simplejpeg"),
            *("PSNR of it, dB, Pillow", "simplejpeg"),
        ],
        [
            _row(side, *json.loads(line))
            for side, line in zip(SIDES, answer.stdout.splitlines(), strict=True)
        ],
    )


def _row(side: int, seconds: Sequence[float], nearness: Sequence[float]) -> list[str]:
    times = [f"{1000 * each:.2f}" for each in seconds]
    return [f"{side}x{side}", *times, *(f"{each:.1f}" for each in nearness)]


if __name__ == "__main__":
    main()
