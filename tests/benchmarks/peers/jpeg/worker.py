"""Times Pillow and simplejpeg (libjpeg-turbo): medians of so many turns, in seconds, as JSON."""

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

        def by_pillow(pixels: np.ndarray = pixels) -> None:
            Image.fromarray(pixels).save(BytesIO(), "JPEG", quality=90, subsampling="4:4:4")

        jobs = [
            lambda jpeg=jpeg: np.asarray(Image.open(BytesIO(jpeg)).convert("RGB")),
            lambda jpeg=jpeg: simplejpeg.decode_jpeg(jpeg),
            by_pillow,
            lambda pixels=pixels: simplejpeg.encode_jpeg(pixels, 90, colorsubsampling="444"),
        ]
        turns = [[_seconds(job) for job in jobs] for _ in range(repeats + 1)]
        print(json.dumps([median(row) for row in zip(*turns[1:], strict=True)]), flush=True)


def _seconds(job: Callable[[], Any]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
