"""What serving costs: the service over HTTP against the bare ONNX Runtime session, in one run.

    python -m tests.benchmarks.serving [--repeats 10]

Both use the same number of threads and take turns, so that a noisy machine disturbs both alike.
"""

import argparse
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from statistics import median

import httpx
import numpy as np
import onnxruntime
from PIL import Image

from service import catalog
from service.cores import available_cores
from tests.benchmarks.contenders import MODEL
from tests.benchmarks.markdown import Report
from tests.benchmarks.photographs import SIDES, square
from tests.benchmarks.server import running
from tests.conftest import ROOT


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--model", default=MODEL, help="name of a style")
    parser.add_argument("--markdown", type=Path, help="file to append the table to")
    options = parser.parse_args(arguments)

    model = catalog.read(ROOT / "model_store").get(options.model, "stylize")
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = available_cores()
    session = onnxruntime.InferenceSession(model.file, settings, ["CPUExecutionProvider"])
    rows = []
    with running() as server:
        for side in SIDES:
            route = f"/stylize/{options.model}"
            bare, served = measure(session, server.client, route, square(side), options.repeats)
            ratio = f"{bare / served:.2f}"
            rows.append([f"{side}x{side}", f"{bare:.3f}", f"{served:.3f}", ratio])
    report = Report(options.markdown)
    report.paragraph(
        f"{options.model}, {available_cores()} threads, one request at a time, JPEG in and out, "
        f"medians of {options.repeats}:"
    )
    report.table(["image", "bare session, s", "served, s", "bare / served"], rows)


def measure(
    session: onnxruntime.InferenceSession,
    client: httpx.Client,
    route: str,
    jpeg: bytes,
    repeats: int,
) -> tuple[float, float]:
    """Median seconds of the bare session and of a whole request, JPEG in and JPEG out."""
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    pixels = np.asarray(Image.open(BytesIO(jpeg)))[None]
    feeds = {"image": pixels, "strength": one, "preserve_color": zero}
    bare, served = [], []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        session.run(["output"], feeds)
        middle = time.perf_counter()
        client.post(route, files={"image": jpeg}).raise_for_status()
        end = time.perf_counter()
        bare.append(middle - start)
        served.append(end - middle)
    return median(bare[1:]), median(served[1:])  # the first warms up


if __name__ == "__main__":
    main()
