"""Images a second by size and batch, against the same network in PyTorch.

    python -m tests.benchmarks.batches [--provider cuda] [--model wave] [--batches 1 2 4 8 16 32]

Both take bytes of pixels from memory and give such back, and take turns batch by batch. Ours is the
service's own runtime, which takes the network in the precision that it serves here. PyTorch has it
as it is fastest there: on a GPU compiled, in float16, with channels last; on a CPU in float32.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from service.cores import available_cores
from service.models import catalog
from service.models.runtime import Runtime
from tests.benchmarks import sessions
from tests.benchmarks.markdown import Report, progress
from tests.benchmarks.photographs import SIDES, square
from tests.benchmarks.turns import medians
from tests.support.checkout import ROOT
from trainer import weights_file
from trainer.export import precisions
from trainer.networks.served import ServedStyleNet
from trainer.networks.style import StyleNet

Pixels = NDArray[np.uint8]
Run = Callable[[Pixels], Pixels]
"""uint8 [N, H, W, 3] in full style."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--provider", choices=("auto", "cuda", "cpu"), default="auto")
    parser.add_argument("--model", default="wave", help="a style (%(default)s)")
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES)
    parser.add_argument("--batches", type=int, nargs="+", default=(1, 2, 4, 8, 16, 32))
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--markdown", type=Path, help="file to append the table to")
    options = parser.parse_args(arguments)

    runtime = Runtime(options.provider, available_cores())
    ours, precision = _served(runtime, options.model)
    network = weights_file.load(ROOT / "trainer" / "weights" / f"{options.model}.safetensors")
    assert isinstance(network.network, StyleNet)
    exact = ServedStyleNet(network.network).eval()
    on_cpu = _painting(exact, "cpu")
    theirs = _on_gpu(exact) if runtime.provider == "cuda" else on_cpu
    rows: list[list[str]] = []
    for side in options.sides:
        photograph = sessions.decoded(square(side))
        one = np.array(photograph[None])
        difference = precisions.difference(ours(one), on_cpu(one))
        for size in options.batches:
            progress(f"{size} of {side}x{side}")
            batch = np.repeat(photograph[None], size, axis=0)
            seconds = medians([partial(run, batch) for run in (ours, theirs)], options.repeats)
            rates = [size / each for each in seconds]
            row = [f"{side}x{side}", str(size), *(f"{rate:.1f}" for rate in rates)]
            rows.append([*row, f"{rates[0] / rates[1]:.2f}", f"{difference:.2f}"])
    report = Report(options.markdown)
    name = (
        torch.cuda.get_device_name() if runtime.provider == "cuda" else f"{runtime.threads} cores"
    )
    report.paragraph(
        f"{options.model} in {precision} on {name}, ONNX Runtime {runtime.build.version} and "
        f"PyTorch {torch.__version__}; medians of {options.repeats} batches. The difference is in "
        "mean levels of 255 from float32 in PyTorch:"
    )
    header = ["size", "batch", "ours, images/s", "PyTorch", "ours / PyTorch", "difference"]
    report.table(header, rows)


def _served(runtime: Runtime, name: str) -> tuple[Run, catalog.Precision]:
    model = catalog.read(ROOT / "model_store", runtime.precision).style(name).model
    runtime.open(model)

    def run(images: Pixels) -> Pixels:
        full = {"strength": np.float32(1), "preserve_color": np.float32(0)}
        return np.stack(runtime.run(model, [{"image": image, **full} for image in images]))

    return run, model.precision


def _on_gpu(network: ServedStyleNet) -> Run:
    halved = precisions.in_float16(network).to("cuda", memory_format=torch.channels_last)
    # Not dynamic: every size is compiled for itself, in its first run, as is fastest.
    return _painting(torch.compile(halved, dynamic=False), "cuda")


def _painting(network: Callable[..., torch.Tensor], device: str) -> Run:
    @torch.no_grad()
    def run(images: Pixels) -> Pixels:
        image = torch.from_numpy(images).to(device)
        strength = torch.ones(len(images), device=device)
        painted: Pixels = network(image, strength, torch.zeros_like(strength)).cpu().numpy()
        return painted

    return run


if __name__ == "__main__":
    main()
