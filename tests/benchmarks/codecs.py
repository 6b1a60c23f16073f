"""Pillow against a binding of libjpeg-turbo alone: the service decodes by the one that is faster,
and encodes by the one that is more exact.

python -m tests.benchmarks.codecs [--repeats 30]
"""

import argparse
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from tests.benchmarks.markdown import Report
from tests.benchmarks.photographs import SIDES, square
from tests.benchmarks.turns import medians

QUALITY = 90


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--markdown", type=Path, help="file to append the table to")
    options = parser.parse_args(arguments)

    rows = [[f"{side}x{side}", *_row(square(side), options.repeats)] for side in SIDES]
    report = Report(options.markdown)
    report.paragraph(
        f"One thread, median milliseconds of {options.repeats}, JPEG of quality {QUALITY}:"
    )
    report.table(
        [
            *("image", "decode, Pillow", "simplejpeg", "encode, Pillow", "simplejpeg"),
            *("PSNR of it, dB, Pillow", "simplejpeg"),
        ],
        rows,
    )


def _row(jpeg: bytes, repeats: int) -> list[str]:
    """Milliseconds of both to decode and to encode, and how near what they encode is."""
    pixels = simplejpeg.decode_jpeg(jpeg)

    def by_pillow() -> bytes:
        out = BytesIO()
        Image.fromarray(pixels).save(out, "JPEG", quality=QUALITY, subsampling="4:4:4")
        return out.getvalue()

    def by_simplejpeg() -> bytes:
        encoded: bytes = simplejpeg.encode_jpeg(pixels, QUALITY, colorsubsampling="444")
        return encoded

    jobs: list[Callable[[], object]] = [
        lambda: np.asarray(Image.open(BytesIO(jpeg)).convert("RGB")),
        lambda: simplejpeg.decode_jpeg(jpeg),
        by_pillow,
        by_simplejpeg,
    ]
    nearness = [
        peak_signal_noise_ratio(pixels, simplejpeg.decode_jpeg(encode()))
        for encode in (by_pillow, by_simplejpeg)
    ]
    times = [f"{1000 * seconds:.2f}" for seconds in medians(jobs, repeats)]
    return [*times, *(f"{each:.1f}" for each in nearness)]


if __name__ == "__main__":
    main()
