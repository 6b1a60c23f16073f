"""What a large photograph costs: seconds, and the server's peak memory, size by size.

    python -m tests.benchmarks.memory [--model upscale_x4_feature | --model wave]

Each size has a server of its own, since the peak of a process never falls.
"""

import argparse
import time
from io import BytesIO

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from service.models import catalog
from service.models.cards import UpscaleCard
from service.models.catalog import Model
from service.problems import UnknownModel
from service.settings import Settings
from tests.benchmarks import processes
from tests.benchmarks.server import running

TIMES = (1, 2, 4, 8)  # the portrait of 512x512 pixels, side by side: 0.25 to 16 megapixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="upscale_x4_feature", help="name of any model")
    name = parser.parse_args().model
    try:
        model = catalog.read(Settings().model_store).get(name)
    except UnknownModel as error:
        raise SystemExit(error.detail) from None
    print(f"{name}, JPEG in and out")
    print(f"{'input, Mpx':>10} {'seconds':>9} {'peak RSS, MiB':>14}")
    for times in TIMES:
        photograph = np.tile(skimage.data.astronaut(), (times, times, 1))
        seconds, peak = measure(model, photograph)
        print(f"{photograph.size / 3 / 2**20:10.2f} {seconds:9.1f} {peak / 2**20:14.0f}")


def measure(model: Model, photograph: NDArray[np.uint8]) -> tuple[float, int]:
    """Seconds of one request, and the most bytes that its server ever had in memory."""
    jpeg = BytesIO()
    Image.fromarray(photograph).save(jpeg, "JPEG", quality=90)
    pixels = photograph.size // 3
    path, limit = f"/stylize/{model.name}", ("--max-stylize-pixels", str(pixels))
    if isinstance(model.card, UpscaleCard):
        path = f"/upscale?factor={model.card.factor}&model={model.card.objective}"
        limit = ("--max-upscaled-pixels", str(pixels * model.card.factor**2))
    with running(*limit) as server:
        start = time.perf_counter()
        answer = server.client.post(path, files={"image": jpeg.getvalue()})
        answer.raise_for_status()
        return time.perf_counter() - start, processes.status(server.process.pid, "VmHWM")


if __name__ == "__main__":
    main()
