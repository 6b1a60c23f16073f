"""Times Pillow and simplejpeg (libjpeg-turbo): medians of so many turns, in seconds, as JSON.

Behind them, how near to the photograph what each encodes is, as its PSNR in decibels.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import simplejpeg
from PIL import Image


def main(repeats: int, files: Sequence[str]) -> None:
    for file in files:
        jpeg = Path(file).read_bytes()
        pixels = simplejpeg.decode_jpeg(jpeg)

        def by_pillow(pixels: np.ndarray = pixels) -> bytes:
            out = BytesIO()
            Image.fromarray(pixels).save(out, "JPEG", quality=90, subsampling="4:4:4")
            return out.getvalue()

        def by_simplejpeg(pixels: np.ndarray = pixels) -> bytes:
            return simplejpeg.encode_jpeg(pixels, 90, colorsubsampling="444")

        jobs = [
            lambda jpeg=jpeg: np.asarray(Image.open(BytesIO(jpeg)).convert("RGB")),
            lambda jpeg=jpeg: simplejpeg.decode_jpeg(jpeg),
            by_pillow,
            by_simplejpeg,
        ]
        turns = [[_seconds(job) for job in jobs] for _ in range(repeats + 1)]
        medians = [median(row) for row in zip(*turns[1:], strict=True)]
        nearness = [_psnr(encode(), pixels) for encode in (by_pillow, by_simplejpeg)]
        print(json.dumps([medians, nearness]), flush=True)


def _psnr(jpeg: bytes, pixels: np.ndarray) -> float:
    errors = simplejpeg.decode_jpeg(jpeg).astype(float) - pixels
    return float(10 * np.log10(255**2 / (errors**2).mean()))


def _seconds(job: Callable[[], Any]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
