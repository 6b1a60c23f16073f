"""What serving costs: the service over HTTP against the bare ONNX Runtime session, in one run.

    python -m tests.benchmarks.serving

Both use the same number of threads and take turns, so that a noisy machine disturbs both alike.
"""

import statistics
import time
from io import BytesIO

import httpx
import numpy as np
import onnxruntime
import skimage.data
from PIL import Image

from service import catalog
from service.cores import available_cores
from tests.benchmarks.server import running
from tests.conftest import ROOT

SIDES = (256, 512, 1024)
REPEATS = 10


def main() -> None:
    model = catalog.read(ROOT / "model_store").models["wave"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = available_cores()
    session = onnxruntime.InferenceSession(model.file, options, ["CPUExecutionProvider"])
    astronaut = Image.fromarray(skimage.data.astronaut())

    with running() as server:
        print(f"wave, {available_cores()} threads, median of {REPEATS}")
        print(f"{'image':>10} {'bare, s':>10} {'served, s':>10} {'bare/served':>12}")
        for side in SIDES:
            bare, served = measure(session, server.client, astronaut.resize((side, side)))
            print(f"{side:5}x{side:<4} {bare:10.3f} {served:10.3f} {bare / served:12.2f}")


def measure(
    session: onnxruntime.InferenceSession, client: httpx.Client, photograph: Image.Image
) -> tuple[float, float]:
    """Median seconds of the bare session and of a whole request, JPEG in and JPEG out."""
    jpeg = BytesIO()
    photograph.save(jpeg, "JPEG", quality=90)
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    feeds = {"image": np.asarray(photograph)[None], "strength": one, "preserve_color": zero}
    bare, served = [], []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        session.run(["output"], feeds)
        middle = time.perf_counter()
        client.post("/stylize/wave", files={"image": jpeg.getvalue()}).raise_for_status()
        end = time.perf_counter()
        bare.append(middle - start)
        served.append(end - middle)
    return statistics.median(bare[1:]), statistics.median(served[1:])  # the first warms up


if __name__ == "__main__":
    main()
